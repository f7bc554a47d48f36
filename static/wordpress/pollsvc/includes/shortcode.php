<?php
/**
 * The shortcode: [pollsvc id=… preset=… lang=…]; without an id, the polls attached to the article.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

/**
 * What the shortcode becomes.
 *
 * @param array<int|string, string>|string $given Its attributes; `[pollsvc ID]` is understood too.
 * @return string HTML.
 */
function pollsvc_shortcode( $given ) {
	$given = is_array( $given ) ? $given : array();
	if ( isset( $given['id'] ) && '' === trim( $given['id'] ) ) {
		return pollsvc_notice( __( 'The shortcode’s id is empty, or WordPress could not read it.', 'pollsvc' ) );
	}
	$asked = shortcode_atts(
		array(
			'id'     => $given[0] ?? '',
			'preset' => '',
			'lang'   => '',
		),
		$given,
		'pollsvc'
	);
	return pollsvc_render(
		array(
			'poll'   => $asked['id'],
			'preset' => $asked['preset'],
			'lang'   => $asked['lang'],
		)
	);
}

/**
 * Make the shortcode known.
 */
function pollsvc_register_shortcode() {
	add_shortcode( 'pollsvc', 'pollsvc_shortcode' );
}
add_action( 'init', 'pollsvc_register_shortcode' );
