<?php
/**
 * Plugin Name:       pollsvc
 * Description:       Reader polls in articles: one signed vote per reader, live results, no cookies.
 * Version:           0.1.0
 * Requires at least: 6.0
 * Requires PHP:      7.4
 * License:           MIT
 * License URI:       https://opensource.org/license/mit
 * Text Domain:       pollsvc
 * Domain Path:       /languages
 *
 * A poll is placed by a block, by a shortcode, by its pasted address, or by nothing at all where it is attached
 * to the article. All four become one custom element, which the service's script fills. PHP never asks the
 * service for anything when a page is shown.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

define( 'POLLSVC_VERSION', '0.1.0' );
define( 'POLLSVC_FILE', __FILE__ );

require __DIR__ . '/includes/settings.php';
require __DIR__ . '/includes/poll.php';
require __DIR__ . '/includes/script.php';
require __DIR__ . '/includes/shortcode.php';
require __DIR__ . '/includes/block.php';
require __DIR__ . '/includes/article.php';
require __DIR__ . '/includes/address.php';
if ( is_admin() ) {
	require __DIR__ . '/includes/settings-page.php';
}

/**
 * Load translations that are in the plugin's own folder.
 */
function pollsvc_load_translations() {
	load_plugin_textdomain( 'pollsvc', false, dirname( plugin_basename( POLLSVC_FILE ) ) . '/languages' );
}
add_action( 'init', 'pollsvc_load_translations' );
