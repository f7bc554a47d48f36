<?php
/**
 * What the site's administrator sets: one option with two values.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

/** The option's name. */
define( 'POLLSVC_OPTION', 'pollsvc' );

/**
 * The settings, whatever is stored.
 *
 * @return array{url: string, every_post: bool} `url` has no slash at its end and is empty where none is set.
 */
function pollsvc_settings() {
	$stored = get_option( POLLSVC_OPTION );
	$stored = is_array( $stored ) ? $stored : array();
	return array(
		'url'        => isset( $stored['url'] ) ? pollsvc_clean_url( $stored['url'] ) : '',
		'every_post' => ! empty( $stored['every_post'] ),
	);
}

/**
 * The service's address, without a slash at its end; empty where none is set.
 *
 * @return string
 */
function pollsvc_url() {
	return pollsvc_settings()['url'];
}

/**
 * An address of a service in its one form: an http(s) origin and perhaps a path.
 *
 * User names, queries and fragments have no place in it, nor has anything that is special in HTML. A script's
 * address from the embed code is taken too: what `/w/1.js` adds to the service's is cut off.
 *
 * @param mixed $value What somebody entered.
 * @return string Empty when it is no such address.
 */
function pollsvc_clean_url( $value ) {
	if ( ! is_string( $value ) ) {
		return '';
	}
	$url  = preg_replace( '#(/w/1\.js)?/*$#D', '', trim( $value ) );
	$name = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
	$host = "$name(\\.$name)*|\\[[0-9a-f:.]+\\]";
	if ( strlen( $url ) > 500 || ! preg_match( "#^https?://($host)(:[0-9]{1,5})?(/[a-z0-9._~-]+)*$#Di", $url ) ) {
		return '';
	}
	$parts = wp_parse_url( $url );
	if ( ! $parts || preg_match( '#/\.{1,2}(/|$)#D', $parts['path'] ?? '' ) ) {
		return '';
	}
	$origin = strtolower( $parts['scheme'] . '://' . $parts['host'] );
	return $origin . ( isset( $parts['port'] ) ? ':' . $parts['port'] : '' ) . ( $parts['path'] ?? '' );
}

/**
 * The option as it will be stored. An address that is none changes nothing and is told about.
 *
 * @param mixed $value What the form sent.
 * @return array{url: string, every_post: bool}
 */
function pollsvc_sanitize_settings( $value ) {
	$value = is_array( $value ) ? $value : array();
	$given = isset( $value['url'] ) && is_string( $value['url'] ) ? trim( $value['url'] ) : '';
	$url   = pollsvc_clean_url( $given );
	if ( '' === $url && '' !== $given ) {
		$url = pollsvc_url();
		add_settings_error(
			POLLSVC_OPTION,
			'pollsvc_url',
			__( 'That is not the address of a service. It looks like https://polls.example, and has no user name, query or fragment.', 'pollsvc' )
		);
	}
	return array(
		'url'        => $url,
		'every_post' => ! empty( $value['every_post'] ),
	);
}

/**
 * Make the option known, with its check.
 */
function pollsvc_register_settings() {
	register_setting(
		POLLSVC_OPTION,
		POLLSVC_OPTION,
		array(
			'type'              => 'object',
			'sanitize_callback' => 'pollsvc_sanitize_settings',
			'show_in_rest'      => false,
		)
	);
}
add_action( 'admin_init', 'pollsvc_register_settings' );
