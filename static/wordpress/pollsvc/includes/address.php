<?php
/**
 * The address of a poll on a line of its own becomes the poll.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

/**
 * Make addresses of polls known to WordPress, twice.
 *
 * In posts of this site the handler is asked first and gives the real poll, in which readers vote in place. The
 * oEmbed provider gives a frame to all that asks WordPress for one by other ways, such as the editor's preview.
 */
function pollsvc_register_addresses() {
	$url = pollsvc_url();
	if ( '' === $url ) {
		return;
	}
	wp_embed_register_handler( 'pollsvc', pollsvc_address_pattern(), 'pollsvc_embed' );
	wp_oembed_add_provider( $url . '/p/*', $url . '/oembed' );
}
add_action( 'init', 'pollsvc_register_addresses' );

/**
 * What a poll's address becomes.
 *
 * @param string[] $found The parts that the pattern found; the second is the id.
 * @return string HTML.
 */
function pollsvc_embed( $found ) {
	return pollsvc_render( array( 'poll' => $found[1] ) );
}
