<?php
/**
 * Settings > pollsvc.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

/**
 * Put the page into the menu, and its fields onto the page.
 */
function pollsvc_add_page() {
	add_options_page( __( 'Polls by pollsvc', 'pollsvc' ), 'pollsvc', 'manage_options', 'pollsvc', 'pollsvc_show_page' );
	add_settings_section( 'pollsvc_main', '', '__return_null', 'pollsvc' );
	add_settings_field( 'pollsvc_url', __( 'Address of the service', 'pollsvc' ), 'pollsvc_show_url', 'pollsvc', 'pollsvc_main', array( 'label_for' => 'pollsvc-url' ) );
	add_settings_field( 'pollsvc_every_post', __( 'Polls of an article', 'pollsvc' ), 'pollsvc_show_every_post', 'pollsvc', 'pollsvc_main' );
}
add_action( 'admin_menu', 'pollsvc_add_page' );

/**
 * The field of the address.
 */
function pollsvc_show_url() {
	printf(
		'<input type="url" id="pollsvc-url" name="%s[url]" value="%s" class="regular-text code" dir="ltr" placeholder="https://polls.example" aria-describedby="pollsvc-url-hint"><p class="description" id="pollsvc-url-hint">%s</p>',
		esc_attr( POLLSVC_OPTION ),
		esc_attr( pollsvc_url() ),
		esc_html__( 'Where your polls are made and counted. Readers’ browsers load the polls from there; this site itself never asks it when a page is shown.', 'pollsvc' )
	);
}

/**
 * The field of the polls at the end of each post.
 */
function pollsvc_show_every_post() {
	printf(
		'<label for="pollsvc-every-post"><input type="checkbox" id="pollsvc-every-post" name="%s[every_post]" value="1" aria-describedby="pollsvc-every-post-hint"%s> %s</label><p class="description" id="pollsvc-every-post-hint">%s</p>',
		esc_attr( POLLSVC_OPTION ),
		checked( pollsvc_settings()['every_post'], true, false ),
		esc_html__( 'Show them at the end of each post', 'pollsvc' ),
		esc_html__( 'A post shows the polls that name its address, as soon as they do. Posts without polls look as before; posts with a poll placed by hand show that one only.', 'pollsvc' )
	);
}

/**
 * The whole page.
 */
function pollsvc_show_page() {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	echo '<div class="wrap"><h1>' . esc_html( get_admin_page_title() ) . '</h1>';
	echo '<form action="options.php" method="post">';
	settings_fields( POLLSVC_OPTION );
	do_settings_sections( 'pollsvc' );
	submit_button();
	echo '</form>';
	pollsvc_show_help();
	echo '</div>';
}

/**
 * How to get polls into posts.
 */
function pollsvc_show_help() {
	$url  = pollsvc_url();
	$page = ( '' === $url ? 'https://polls.example' : $url ) . '/p/ID';
	$ways = array(
		array( __( 'Paste the address', 'pollsvc' ), $page, __( 'on a line of its own, in any editor', 'pollsvc' ) ),
		array( __( 'Block', 'pollsvc' ), '/poll', __( 'typed in the block editor', 'pollsvc' ) ),
		array( __( 'Shortcode', 'pollsvc' ), '[pollsvc id=ID]', __( 'a poll; more: preset=compact, preset=plain, lang=ar', 'pollsvc' ) ),
		array( __( 'Shortcode without an id', 'pollsvc' ), '[pollsvc]', __( 'all polls attached to the article', 'pollsvc' ) ),
	);
	echo '<h2>' . esc_html__( 'How to put a poll into a post', 'pollsvc' ) . '</h2>';
	echo '<table class="widefat striped" style="max-width: 60em; margin-block-end: 2em"><tbody>';
	foreach ( $ways as $way ) {
		printf( '<tr><th scope="row">%s</th><td><code dir="ltr">%s</code></td><td>%s</td></tr>', esc_html( $way[0] ), esc_html( $way[1] ), esc_html( $way[2] ) );
	}
	echo '</tbody></table>';
	echo '<h2>' . esc_html__( 'Allow this site', 'pollsvc' ) . '</h2>';
	echo '<p>' . esc_html__( 'The service takes votes only from sites that it knows. This site’s origin, as it wants it:', 'pollsvc' ) . ' ';
	echo '<code dir="ltr">' . esc_html( pollsvc_own_origin() ) . '</code></p>';
	if ( '' !== $url ) {
		printf( '<p><a class="button" href="%s" target="_blank" rel="noopener">%s</a></p>', esc_url( $url . '/admin' ), esc_html__( 'Make and watch polls', 'pollsvc' ) );
	}
}

/**
 * The origin that readers of this site have.
 *
 * @return string
 */
function pollsvc_own_origin() {
	$home = wp_parse_url( home_url() );
	return $home['scheme'] . '://' . $home['host'] . ( isset( $home['port'] ) ? ':' . $home['port'] : '' );
}

/**
 * A link to the settings, in the list of plugins.
 *
 * @param string[] $links The links that are there.
 * @return string[]
 */
function pollsvc_action_links( $links ) {
	$link = sprintf( '<a href="%s">%s</a>', esc_url( admin_url( 'options-general.php?page=pollsvc' ) ), esc_html__( 'Settings', 'pollsvc' ) );
	return array_merge( array( $link ), $links );
}
add_filter( 'plugin_action_links_' . plugin_basename( POLLSVC_FILE ), 'pollsvc_action_links' );

/**
 * Say what is missing, in the list of plugins, until it is set.
 */
function pollsvc_ask_for_url() {
	$screen = get_current_screen();
	if ( ! $screen || 'plugins' !== $screen->id || '' !== pollsvc_url() || ! current_user_can( 'manage_options' ) ) {
		return;
	}
	printf(
		'<div class="notice notice-info"><p>%s <a href="%s">%s</a></p></div>',
		esc_html__( 'pollsvc is ready but for the address of your poll service.', 'pollsvc' ),
		esc_url( admin_url( 'options-general.php?page=pollsvc' ) ),
		esc_html__( 'Set it', 'pollsvc' )
	);
}
add_action( 'admin_notices', 'pollsvc_ask_for_url' );
