<?php
/**
 * Removes what the plugin stored: its one option, on each site of a network.
 *
 * @package pollsvc
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

if ( is_multisite() ) {
	$pollsvc_sites = get_sites(
		array(
			'fields' => 'ids',
			'number' => 0,
		)
	);
	foreach ( $pollsvc_sites as $pollsvc_site ) {
		delete_blog_option( $pollsvc_site, 'pollsvc' );
	}
} else {
	delete_option( 'pollsvc' );
}
