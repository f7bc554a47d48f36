// In a poll's frame, /embed/{poll}: tells the page around it how tall the poll is. There static/frame.js listens.
(() => {
  const {classList, dataset: {poll = '', origins = ''}} = document.documentElement;
  const site = origins.split(' ');

  // The page around, as the browser names it, else by the referrer. Where neither does, each of the site's
  // origins is told: a browser hands a message to none but the one it is addressed to.
  const around = location.ancestorOrigins?.[0] ?? (document.referrer && new URL(document.referrer).origin);
  const listeners = around ? site.filter((origin) => origin === around) : site;

  let told = 0;
  const tell = (again = false) => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    if (height === told && !again) return;
    told = height;
    for (const origin of listeners) parent.postMessage({type: 'pollsvc:height', poll, height}, origin);
  };

  if (parent === window) return classList.remove('coming');
  // Until the poll is there, the frame keeps the room that the page gave it.
  addEventListener('pollsvc:ready', () => {
    classList.remove('coming');
    new ResizeObserver(() => tell()).observe(document.body);
  }, {once: true});
  // A script that came later than the poll asks.
  addEventListener('message', ({source, origin, data}) => {
    if (told && source === parent && listeners.includes(origin) && data?.type === 'pollsvc:ask') tell(true);
  });
})();
