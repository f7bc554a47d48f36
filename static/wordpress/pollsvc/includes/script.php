<?php
/**
 * The service's script, on pages that have a poll and on no other.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

/** The handle of the script. */
define( 'POLLSVC_SCRIPT', 'pollsvc-widget' );

/**
 * Have the page load the script, once, whoever asks and however often.
 */
function pollsvc_need_script() {
	if ( ! wp_script_is( POLLSVC_SCRIPT, 'registered' ) ) {
		// Without a version: the address is the same for ever, and the service says how long it may be kept.
		// phpcs:ignore WordPress.WP.EnqueuedResourceParameters.MissingVersion
		wp_register_script( POLLSVC_SCRIPT, pollsvc_url() . '/w/1.js', array(), null, true );
	}
	wp_enqueue_script( POLLSVC_SCRIPT );
}

/**
 * Make the script's tag asynchronous; `strategy` would do it from WordPress 6.3 on only.
 *
 * @param string $tag    The tag as WordPress makes it.
 * @param string $handle Which script it is for.
 * @return string
 */
function pollsvc_async( $tag, $handle ) {
	if ( POLLSVC_SCRIPT !== $handle || preg_match( '/<script\b[^>]*\sasync\b/', $tag ) ) {
		return $tag;
	}
	return preg_replace( '/<script\b(?=[^>]*\ssrc=)/', '<script async', $tag, 1 );
}
add_filter( 'script_loader_tag', 'pollsvc_async', 10, 2 );
