// Owns how our pages look: one style sheet, inline, so that a page needs nothing but itself, in light and dark, from 320 px upwards.
// Its text is hashed into the Content-Security-Policy (CSP Level 3 §8.3); a page shows it byte for byte between the style tags.
// Every text colour has at least 4.5:1 against the card behind it (WCAG 2.2 §1.4.3), which a test computes from this text.

export const PAGE_STYLE = `
:root{color-scheme:light dark;--page:#f3f4f6;--card:#ffffff;--line:#dfe3e8;--ink:#1b222c;--soft:#56606d;--denied:#96400f;--failed:#a02c3c;--request-error:#7a5200;--info:#1f5f93}
@media (prefers-color-scheme:dark){:root{--page:#12161b;--card:#1b2128;--line:#313942;--ink:#e8ebef;--soft:#a5afbb;--denied:#f2a97c;--failed:#f59ba5;--request-error:#e5bd6c;--info:#8ec5f0}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.25rem;background:var(--page);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{width:100%;max-width:42rem;padding:clamp(1.5rem,5vw,2.75rem);background:var(--card);border:1px solid var(--line);border-top:4px solid var(--accent);border-radius:.6rem;overflow-wrap:anywhere}
.denied{--accent:var(--denied)}.failed{--accent:var(--failed)}.request-error{--accent:var(--request-error)}.limited{--accent:var(--request-error)}.info,.challenge{--accent:var(--info)}
h1{margin:.35rem 0 .75rem;font-size:clamp(1.4rem,4.6vw,1.65rem);line-height:1.2;font-weight:650;letter-spacing:-.01em;text-wrap:balance;overflow-wrap:break-word}
p{margin:0}
.status{color:var(--accent);font-weight:600;font-size:.9rem}
.message{font-size:1.06rem}
.request{margin-top:.6rem;color:var(--soft);font:.88rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
dl{margin:1.6rem 0 0;border-top:1px solid var(--line)}
dl>div{display:grid;grid-template-columns:7rem 1fr;gap:.1rem 1.25rem;padding:.8rem 0;border-bottom:1px solid var(--line)}
dt{color:var(--soft)}
dd{margin:0}
blockquote{margin:.45rem 0 0;padding-left:.8rem;border-left:3px solid var(--accent)}
.next dd{font-weight:600}
a{display:block;width:fit-content;margin-top:.35rem;color:var(--info);font-weight:400;text-decoration-thickness:1px;text-underline-offset:.2em}
a:focus-visible{outline:2px solid var(--info);outline-offset:3px;border-radius:.15rem}
footer{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem;margin-top:1.3rem;color:var(--soft);font-size:.82rem}
@media (max-width:34rem){body{place-items:start;padding:.75rem}dl>div{grid-template-columns:1fr}}
@media print{body{display:block}main{border:0}}
`;
