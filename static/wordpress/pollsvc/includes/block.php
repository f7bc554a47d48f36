<?php
/**
 * The block pollsvc/poll. Nothing of its markup is stored in the post: PHP makes it for each page.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

/**
 * Make the block and its editor's script known.
 */
function pollsvc_register_block() {
	wp_register_script(
		'pollsvc-editor',
		plugins_url( 'blocks/poll/editor.js', POLLSVC_FILE ),
		array( 'wp-block-editor', 'wp-blocks', 'wp-components', 'wp-element', 'wp-i18n' ),
		POLLSVC_VERSION,
		true
	);
	wp_set_script_translations( 'pollsvc-editor', 'pollsvc' );
	register_block_type( dirname( POLLSVC_FILE ) . '/blocks/poll', array( 'render_callback' => 'pollsvc_block' ) );
}
add_action( 'init', 'pollsvc_register_block' );

/**
 * Tell the editor's script where the service is.
 */
function pollsvc_tell_editor() {
	$settings = array(
		'url'     => pollsvc_url(),
		'pattern' => POLLSVC_ID,
	);
	wp_add_inline_script( 'pollsvc-editor', 'window.pollsvcEditor = ' . wp_json_encode( $settings, JSON_HEX_TAG ) . ';', 'before' );
}
add_action( 'enqueue_block_editor_assets', 'pollsvc_tell_editor' );

/**
 * What the block becomes on a page.
 *
 * @param array{poll?: string, preset?: string} $attributes As the editor left them.
 * @return string HTML.
 */
function pollsvc_block( $attributes ) {
	$poll = pollsvc_render( $attributes );
	return '' === $poll ? '' : sprintf( '<div %s>%s</div>', get_block_wrapper_attributes(), $poll );
}
