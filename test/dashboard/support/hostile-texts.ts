/** Names a host that no request may reach. */
export const CANARY_HOST = 'canary.invalid';

/** What a statement, a route or a name may hold in the worst case. */
export const HOSTILE_TEXTS: readonly string[] = [
  `<script>alert(1)</script>`,
  `</script><script src="http://${CANARY_HOST}/a.js"></script>`,
  `</style><img src="http://${CANARY_HOST}/b.png" onerror="alert(2)">`,
  `<img src=x onerror=alert(3)>`,
  `<svg onload=alert(4)><a xlink:href="javascript:alert(5)">x</a></svg>`,
  `<iframe srcdoc="<script>parent.alert(6)</script>"></iframe>`,
  `"><input autofocus onfocus=alert(7)>`,
  `' onmouseover='alert(8)`,
  `<base href="http://${CANARY_HOST}/"><link rel=stylesheet href="http://${CANARY_HOST}/c.css">`,
  `<meta http-equiv="refresh" content="0;url=http://${CANARY_HOST}/d">`,
  `javascript:alert(9)//http://${CANARY_HOST}`,
  '${alert(10)} {{constructor.constructor("alert(11)")()}} <%= 1 %>',
  `<!-- --><![CDATA[ x ]]><!--><script>alert(12)//-->`,
  `&lt;script&gt;alert(13)&lt;/script&gt; &#x3c;b&#x3e;`,
  'line\u2028separator\u2029and\u0085next',
  'right\u202eot tfel\u202c \u2066isolated\u2069 \u200bzero width\ufeff',
  'NUL\u0000 BEL\u0007 ESC\u001b[31mred\u001b[0m DEL\u007f CRLF\r\ninjected: yes',
  'lone \ud800 surrogates \udfff',
  '__proto__',
  'constructor',
  'toString',
  '日本語 — ünïcode ✓ 👩‍👩‍👧',
  `SELECT ${'a_very_long_column_name_'.repeat(400)} FROM t`,
  `SELECT '${'x'.repeat(8000)}`,
  'SELECT "unterminated FROM t WHERE a = $1',
  '',
];
