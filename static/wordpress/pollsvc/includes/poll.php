<?php
/**
 * A poll in HTML: an element for pages, a link with a picture where no element can be.
 *
 * @package pollsvc
 */

defined( 'ABSPATH' ) || exit;

/** What an id looks like: lower-case letters and digits. */
define( 'POLLSVC_ID', '[a-z0-9]{4,40}' );

/**
 * The id in what an editor entered: an id, or the address of a poll of this site's service.
 *
 * @param string $value An id, or an address such as https://polls.example/p/ID.
 * @return string|null Null when it is neither.
 */
function pollsvc_poll_id( $value ) {
	$value = trim( $value );
	if ( preg_match( '/^' . POLLSVC_ID . '$/D', $value ) ) {
		return $value;
	}
	$pattern = pollsvc_address_pattern();
	return $pattern && preg_match( $pattern, $value, $found ) ? $found[1] : null;
}

/**
 * A regular expression for the address of a poll's page, whose first group is the id.
 *
 * @return string Empty where no service is set.
 */
function pollsvc_address_pattern() {
	$url = pollsvc_url();
	if ( '' === $url ) {
		return '';
	}
	$rest = preg_replace( '#^https?:#', '', $url );
	return '#^https?:' . preg_quote( $rest, '#' ) . '/p/(' . POLLSVC_ID . ')/?(?:[?\#]\S*)?$#D';
}

/**
 * The poll, or the article's polls, for the place that is being made.
 *
 * @param array{poll?: mixed, preset?: mixed, lang?: mixed} $asked As in the shortcode or the block. Without a
 *                                                                 poll it is all polls attached to the article.
 * @return string HTML; for readers nothing where it cannot be shown, for editors the reason.
 */
function pollsvc_render( $asked ) {
	$text = array();
	foreach ( array( 'poll', 'preset', 'lang' ) as $name ) {
		$text[ $name ] = isset( $asked[ $name ] ) && is_scalar( $asked[ $name ] ) ? trim( (string) $asked[ $name ] ) : '';
	}
	if ( '' === pollsvc_url() ) {
		return pollsvc_notice( __( 'The address of the poll service is not set yet: Settings > pollsvc.', 'pollsvc' ) );
	}
	$id = pollsvc_poll_id( $text['poll'] );
	if ( '' !== $text['poll'] && null === $id ) {
		/* translators: 1: what an editor entered, 2: the service's address. */
		$reason = __( '“%1$s” is neither the id of a poll nor the address of one at %2$s.', 'pollsvc' );
		return pollsvc_notice( sprintf( $reason, $text['poll'], pollsvc_url() ) );
	}
	if ( doing_filter( 'get_the_excerpt' ) ) {
		return '';
	}
	if ( pollsvc_is_plain() ) {
		return null === $id ? pollsvc_article_link() : pollsvc_link_with_picture( $id, $text['lang'] );
	}
	return pollsvc_element( $id, $text['preset'], $text['lang'] );
}

/**
 * The custom element, and the script that it needs.
 *
 * @param string|null $id     Null for the polls attached to the article.
 * @param string      $preset The name of a look; what is no name is left out.
 * @param string      $lang   A language tag (BCP 47); what is none is left out.
 * @return string HTML.
 */
function pollsvc_element( $id, $preset = '', $lang = '' ) {
	pollsvc_need_script();
	$attributes = array(
		'poll'   => null === $id ? '' : $id,
		'preset' => preg_match( '/^[a-z][a-z0-9-]{0,39}$/D', $preset ) ? $preset : '',
		'lang'   => pollsvc_is_language( $lang ) ? $lang : '',
	);
	$html       = '<pollsvc-poll';
	foreach ( array_filter( $attributes ) as $name => $value ) {
		$html .= sprintf( ' %s="%s"', $name, esc_attr( $value ) );
	}
	// The script's tag says the same, but plugins that bundle scripts take it away.
	$html .= sprintf( ' src="%s"', esc_url( pollsvc_url() ) );
	if ( null === $id ) {
		// Empty, it keeps the margins around it, or the post would jump by one when the polls come.
		$html .= ' style="display:flow-root">';
	} else {
		$html .= sprintf( '><a href="%s">%s</a>', esc_url( pollsvc_page( $id, $lang ) ), esc_html__( 'Vote in this poll', 'pollsvc' ) );
	}
	return $html . '</pollsvc-poll>';
}

/**
 * What feeds, AMP pages and mail can show of a poll: a link with the picture of its result.
 *
 * @param string $id   The poll.
 * @param string $lang A language tag, or nothing.
 * @return string HTML.
 */
function pollsvc_link_with_picture( $id, $lang = '' ) {
	$amp = pollsvc_is_amp();
	return sprintf(
		'<p><a href="%1$s"><%2$s src="%3$s" alt="%4$s" width="600" height="315"%5$s>%6$s</a></p><p><a href="%1$s">%7$s</a></p>',
		esc_url( pollsvc_page( $id, $lang ) ),
		$amp ? 'amp-img' : 'img',
		esc_url( pollsvc_card( $id, $lang ) ),
		esc_attr__( 'The poll and its result as a picture', 'pollsvc' ),
		$amp ? ' layout="responsive"' : '',
		$amp ? '</amp-img>' : '',
		esc_html__( 'Vote in this poll', 'pollsvc' )
	);
}

/**
 * The same for the article's polls, which PHP does not know: a link to the article.
 *
 * @return string HTML.
 */
function pollsvc_article_link() {
	$article = pollsvc_is_amp() ? '' : get_permalink();
	return $article ? sprintf( '<p><a href="%s">%s</a></p>', esc_url( $article ), esc_html__( 'Vote in the article', 'pollsvc' ) ) : '';
}

/**
 * The address of a poll's page.
 *
 * @param string $id   The poll.
 * @param string $lang A language tag, or nothing.
 * @return string
 */
function pollsvc_page( $id, $lang = '' ) {
	return pollsvc_address( "/p/$id", $lang );
}

/**
 * The address of the picture of a poll's result.
 *
 * @param string $id   The poll.
 * @param string $lang A language tag, or nothing.
 * @return string
 */
function pollsvc_card( $id, $lang = '' ) {
	return pollsvc_address( "/p/$id/card.png", $lang );
}

/**
 * An address at the service.
 *
 * @param string $path Its path, such as `/p/ID`.
 * @param string $lang A language tag, or nothing; what is none is left out.
 * @return string
 */
function pollsvc_address( $path, $lang ) {
	return pollsvc_url() . $path . ( pollsvc_is_language( $lang ) ? '?lang=' . rawurlencode( $lang ) : '' );
}

/**
 * Is this a language tag (BCP 47)?
 *
 * @param string $lang Any text.
 * @return bool
 */
function pollsvc_is_language( $lang ) {
	return 1 === preg_match( '/^[a-z]{2,8}(-[a-z0-9]{1,8}){0,4}$/Di', $lang );
}

/**
 * Is what is being made without scripts: a feed, or an AMP page?
 *
 * @return bool
 */
function pollsvc_is_plain() {
	return is_feed() || pollsvc_is_amp();
}

/**
 * Is an AMP page being made?
 *
 * @return bool
 */
function pollsvc_is_amp() {
	return ( function_exists( 'amp_is_request' ) && amp_is_request() )
		|| ( function_exists( 'is_amp_endpoint' ) && did_action( 'wp' ) && is_amp_endpoint() );
}

/**
 * A reason why there is no poll, for those who can do something about it.
 *
 * @param string $reason In plain text.
 * @return string HTML; nothing for readers.
 */
function pollsvc_notice( $reason ) {
	$post     = get_the_ID();
	$may_edit = $post ? current_user_can( 'edit_post', $post ) : current_user_can( 'edit_posts' );
	if ( is_feed() || ! $may_edit ) {
		return '';
	}
	return sprintf(
		'<p class="pollsvc-notice" role="note"><strong>%s</strong> %s <em>%s</em></p>',
		'pollsvc:',
		esc_html( $reason ),
		esc_html__( 'Only editors see this.', 'pollsvc' )
	);
}
