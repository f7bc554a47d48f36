// On a publisher's page: gives each <iframe data-pollsvc-frame> the height of the poll in it.
//
// The room is reserved by the frame's own `height`; it is changed once, when the poll is there, and when the
// poll needs more. What stands above a frame stays where it is: a frame grows downwards, and where one is above
// the window, the browser's scroll anchoring holds the text in view, or this script where there is none.
(() => {
  const [LEAST, MOST] = [40, 4000]; // CSS pixels

  const frames = () => /** @type {NodeListOf<HTMLIFrameElement>} */ (document.querySelectorAll('iframe[data-pollsvc-frame]'));

  /** @param {HTMLIFrameElement} frame @param {number} height */
  const resize = (frame, height) => {
    const before = frame.offsetHeight, above = frame.getBoundingClientRect().bottom <= 0;
    const edges = getComputedStyle(frame).boxSizing === 'border-box' ? before - frame.clientHeight : 0;
    frame.style.height = `${height + edges}px`;
    if (above && !CSS.supports('overflow-anchor', 'auto')) scrollBy(0, frame.offsetHeight - before);
  };

  // Frames are looked up when a message comes, so that it does not matter when they were inserted.
  addEventListener('message', ({source, origin, data}) => {
    if (data?.type !== 'pollsvc:height' || typeof data.height !== 'number' || !(data.height >= LEAST)) return;
    const height = Math.ceil(Math.min(data.height, MOST));
    for (const frame of frames()) {
      if (frame.contentWindow === source && frame.src && new URL(frame.src).origin === origin) resize(frame, height);
    }
  });

  // Polls that were there before this script tell their height once more. The question holds nothing, so that
  // it may go to any origin; a frame that is still empty has none yet.
  for (const frame of frames()) frame.contentWindow?.postMessage({type: 'pollsvc:ask'}, '*');
})();
