// Owns how the page looks that greets people at the proxy's own address and helps them trust its certificate: the style of all our pages, and what that
// page has besides. Its text is hashed into the Content-Security-Policy, as that of page-style.ts is.
import { PAGE_STYLE } from './page-style.ts';

export const ONBOARDING_STYLE = `${PAGE_STYLE}
:root{--good:#1a6b3c;--good-card:#eaf6ee;--wait-card:#f6f7f9;--care:#7a5200;--care-card:#fdf6e3}
@media (prefers-color-scheme:dark){:root{--good:#7ed6a1;--good-card:#16291e;--wait-card:#20272f;--care:#e5bd6c;--care-card:#2a2417}}
body{grid-template-columns:minmax(0,1fr)}
main{max-width:46rem}
h2{margin:2rem 0 .5rem;font-size:1.08rem;font-weight:650}
a{display:inline;margin:0}
code,pre{font:.86rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
pre{margin:.4rem 0 0;padding:.55rem .75rem;white-space:pre-wrap;overflow-wrap:break-word;background:var(--wait-card);border:1px solid var(--line);border-radius:.4rem}
ol,ul{margin:0;padding-left:1.35rem}
li{margin:.45rem 0}
li::marker{color:var(--soft)}
.bare{padding:0;list-style:none}
.state,.care{margin-top:1.4rem;padding:.9rem 1.1rem;border:1px solid;border-radius:.5rem}
.state b,.care b{display:block}
.state.untried b::before{content:"";display:inline-block;width:.8rem;height:.8rem;margin-right:.55rem;border:2px solid var(--soft);border-radius:50%;vertical-align:-.06em}
.state.untried{background:var(--wait-card);border-color:var(--line)}
.trusted{background:var(--good-card);border-color:var(--good)}
.trusted b{color:var(--good);font-size:1.15rem}
.trusted b::before{content:"\\2713";display:inline-block;width:1.6rem;height:1.6rem;margin-right:.6rem;border-radius:50%;background:var(--good);color:var(--good-card);font-size:1rem;line-height:1.6rem;text-align:center;vertical-align:.05em}
.later{display:none}
.care{background:var(--care-card);border-color:var(--care)}
.care b{color:var(--care)}
.fingerprint{display:flex;flex-wrap:wrap;gap:0 .55rem;width:fit-content;max-width:28rem;margin-top:.4rem;padding:.55rem .75rem;background:var(--wait-card);border:1px solid var(--line);border-radius:.4rem;overflow-wrap:normal}
.download{display:inline-block;padding:.6rem 1.1rem;border-radius:.45rem;background:var(--info);color:var(--card);font-weight:600;text-decoration:none}
.soft{margin-top:.6rem;color:var(--soft);font-size:.92rem}
nav{display:flex;flex-wrap:wrap;gap:.4rem;margin-top:.6rem}
nav a,nav b{padding:.2rem .7rem;border:1px solid var(--line);border-radius:1rem;font-size:.88rem;font-weight:400;text-decoration:none}
nav b{background:var(--info);border-color:var(--info);color:var(--card)}
`;

/** What is served to those alone who come through an opened tunnel: it turns "not yet" into "trusted" on a page that is open. */
export const TRUSTED_STYLE = '.untried{display:none}.later{display:block}\n';
