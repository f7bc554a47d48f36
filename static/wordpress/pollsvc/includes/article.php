<?php
/**
 * The polls attached to an article, at the end of each post.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

/**
 * Add the element that finds the article's polls by its canonical address.
 *
 * Only where a reader reads the article: not in lists, feeds, excerpts, AMP pages, behind a password, or where an
 * editor put a poll into the article by hand. An article in several pages has it on the first, whose canonical
 * address is the article's.
 *
 * @param string $content The post's HTML.
 * @return string
 */
function pollsvc_append( $content ) {
	$here = pollsvc_settings()['every_post']
		&& '' !== pollsvc_url()
		&& is_singular( pollsvc_post_types() )
		&& in_the_loop()
		&& is_main_query()
		&& get_the_ID() === get_queried_object_id()
		&& get_query_var( 'page' ) < 2
		&& ! doing_filter( 'get_the_excerpt' )
		&& ! pollsvc_is_plain()
		&& ! post_password_required()
		&& false === strpos( $content, '<pollsvc-poll' );
	return $here ? $content . "\n" . pollsvc_element( null ) : $content;
}
// After shortcodes (11) and what most plugins add.
add_filter( 'the_content', 'pollsvc_append', 20 );

/**
 * The types of posts that are articles.
 *
 * @return string[]
 */
function pollsvc_post_types() {
	/**
	 * Filters the types of posts at whose end the article's polls are shown.
	 *
	 * @param string[] $types By default posts only.
	 */
	return (array) apply_filters( 'pollsvc_post_types', array( 'post' ) );
}
