// The block in the editor: a place to enter a poll, a look at it, and what else becomes one.
(() => {
	const { registerBlockType, createBlock } = wp.blocks;
	const { useBlockProps, InspectorControls } = wp.blockEditor;
	const { ExternalLink, Notice, PanelBody, Placeholder, SelectControl, TextControl } = wp.components;
	const { createElement: h, useState } = wp.element;
	const { __, sprintf } = wp.i18n;
	const { url, pattern } = window.pollsvcEditor || { url: '', pattern: '[a-z0-9]+' };

	const escaped = url.replace( /^https?:/, '' ).replace( /[.*+?^${}()|[\]\\\/]/g, '\\$&' );
	const address = new RegExp( `^https?:${ escaped }/p/(${ pattern })/?([?#]\\S*)?$` );
	const alone = new RegExp( `^${ pattern }$` );

	// The id in what was entered, also in the address of a poll; null when it is neither.
	const idOf = ( text = '' ) => {
		const entered = text.trim();
		if ( alone.test( entered ) ) {
			return entered;
		}
		return url ? entered.match( address )?.[ 1 ] ?? null : null;
	};

	const PollField = ( { poll, help, setAttributes } ) =>
		h( TextControl, {
			label: __( 'Address or id of the poll', 'pollsvc' ),
			help,
			value: poll,
			onChange: ( text ) => setAttributes( { poll: idOf( text ) ?? text } ),
			placeholder: ( url || 'https://polls.example' ) + '/p/…',
			dir: 'ltr',
			autoComplete: 'off',
			spellCheck: false,
			__nextHasNoMarginBottom: true,
			__next40pxDefaultSize: true,
		} );

	const looks = [
		{ value: '', label: __( 'Card', 'pollsvc' ) },
		{ value: 'compact', label: __( 'Compact', 'pollsvc' ) },
		{ value: 'plain', label: __( 'Plain, without a box', 'pollsvc' ) },
	];

	const Settings = ( { attributes, setAttributes } ) =>
		h(
			InspectorControls,
			null,
			h(
				PanelBody,
				{ title: __( 'Poll', 'pollsvc' ) },
				h( PollField, {
					poll: attributes.poll,
					help: __( 'Leave it empty to show the polls that are attached to this article.', 'pollsvc' ),
					setAttributes,
				} ),
				h( SelectControl, {
					label: __( 'Look', 'pollsvc' ),
					value: attributes.preset,
					options: looks.some( ( { value } ) => value === attributes.preset )
						? looks
						: [ ...looks, { value: attributes.preset, label: attributes.preset } ],
					onChange: ( preset ) => setAttributes( { preset } ),
					__nextHasNoMarginBottom: true,
					__next40pxDefaultSize: true,
				} )
			)
		);

	// What stands there until there is a picture, and where there is none.
	const Instructions = ( { attributes, setAttributes, id } ) => {
		const { poll } = attributes;
		return h(
			Placeholder,
			{
				icon: 'chart-bar',
				label: __( 'Poll', 'pollsvc' ),
				instructions:
					! poll && __( 'Paste the address of a poll, or leave the field empty: readers then see the polls that are attached to this article.', 'pollsvc' ),
			},
			! url && h( Notice, { status: 'warning', isDismissible: false }, __( 'The address of the poll service is not set yet: Settings > pollsvc.', 'pollsvc' ) ),
			poll && null === id && h(
				Notice,
				{ status: 'warning', isDismissible: false },
				/* translators: %s: the service's address. */
				sprintf( __( 'That is neither the id of a poll nor the address of one at %s.', 'pollsvc' ), url )
			),
			h( 'div', { style: { inlineSize: '100%' } }, h( PollField, { poll, setAttributes } ) ),
			url && h( ExternalLink, { href: id ? `${ url }/p/${ id }` : `${ url }/admin` }, id ? __( 'Open the poll', 'pollsvc' ) : __( 'Make or find a poll', 'pollsvc' ) )
		);
	};

	const Look = ( { id, onError } ) =>
		h(
			'figure',
			{ style: { margin: 0 } },
			h( 'img', {
				src: `${ url }/p/${ id }/card.png`,
				alt: __( 'The poll and its result as a picture', 'pollsvc' ),
				width: 1200,
				height: 630,
				style: { display: 'block', inlineSize: '100%', blockSize: 'auto', border: '1px solid #ddd', borderRadius: '4px' },
				onError,
			} ),
			h(
				'figcaption',
				{ style: { fontSize: '13px', marginBlockStart: '6px' } },
				__( 'A picture of the poll; readers vote in it here.', 'pollsvc' ),
				' ',
				h( ExternalLink, { href: `${ url }/p/${ id }` }, __( 'Open the poll', 'pollsvc' ) )
			)
		);

	const Edit = ( { attributes, setAttributes } ) => {
		const [ failed, setFailed ] = useState( '' );
		const id = attributes.poll ? idOf( attributes.poll ) : null;
		const shown = url && id && failed !== id;
		return h(
			'div',
			useBlockProps(),
			h( Settings, { attributes, setAttributes } ),
			shown
				? h( Look, { id, onError: () => setFailed( id ) } )
				: h( Instructions, { attributes, setAttributes, id } )
		);
	};

	registerBlockType( 'pollsvc/poll', {
		edit: Edit,
		save: () => null,
		transforms: {
			from: [
				{
					type: 'raw',
					priority: 9, // before WordPress' own, which makes a frame of any address
					isMatch: ( node ) => node.nodeName === 'P' && !! url && address.test( node.textContent.trim() ),
					transform: ( node ) => createBlock( 'pollsvc/poll', { poll: idOf( node.textContent ) } ),
				},
				{
					type: 'shortcode',
					tag: 'pollsvc',
					attributes: {
						poll: { type: 'string', shortcode: ( { named } ) => idOf( named.id ) ?? named.id ?? '' },
						preset: { type: 'string', shortcode: ( { named } ) => named.preset ?? '' },
					},
					isMatch: ( { named } ) => ! named.lang,
				},
			],
		},
	} );
})();
