// How the panel looks, as one constructable stylesheet: it needs no style tag, so it works under
// the strictest content policy. It stands apart so that colours and measures are found in one place.
// Every text colour here has a contrast of at least 4.5 to 1 on its ground, in both schemes.

const css = `
:host {
  --vf-ground: light-dark(#ffffff, #141b19); --vf-tint: light-dark(#f1f5f2, #202a27); --vf-line: light-dark(#dbe3de, #303c38);
  --vf-control: light-dark(#7d8d86, #7f918a); --vf-text: light-dark(#14211d, #e7eeeb); --vf-soft: light-dark(#56655f, #a5b4ae);
  --vf-alert: light-dark(#a8380b, #ffb08a); --vf-shade: light-dark(rgb(8 32 26 / .22), rgb(0 0 0 / .6));
  --vf-edge: light-dark(rgb(8 32 26 / .06), #2a3531); --vf-shadow: 0 0 0 1px var(--vf-edge), 0 18px 56px var(--vf-shade);
}
[hidden] { display: none !important; }
:host *, ::before, ::after { box-sizing: border-box; }
.panel {
  position: fixed; inset-block-end: var(--vf-offset, 24px); right: var(--vf-offset, 24px); display: flex; flex-direction: column;
  inline-size: min(400px, calc(100vw - 32px)); block-size: min(660px, calc(100dvh - 48px)); overflow: hidden;
  border-radius: 20px; background: var(--vf-ground); color: var(--vf-text); box-shadow: var(--vf-shadow);
  font: 15px/1.6 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif;
  text-align: start; -webkit-font-smoothing: antialiased; animation: rise .22s cubic-bezier(.2, .8, .3, 1);
}
:host([data-side=left]) .panel { right: auto; left: var(--vf-offset, 24px); }
:host(:not([data-mode=float])) .panel { position: absolute; inset: 0; inline-size: auto; block-size: auto; animation: none; }
:host([data-mode=full]) .panel { border-radius: 0; box-shadow: none; }
:host([data-mode=full]) :is(.head, .log, .foot, .sheet) { padding-inline: max(20px, (100% - 760px) / 2); }
@keyframes rise { from { opacity: 0; transform: translateY(12px); } }
h2, h3, h4, p, ol, ul, dl, dd, fieldset, pre { margin: 0; padding: 0; border: 0; }
button, textarea, input { font: inherit; color: inherit; margin: 0; }
button { border: 0; background: none; cursor: pointer; }
button:disabled { cursor: default; }
a { unicode-bidi: isolate; color: var(--vf-link); text-underline-offset: 3px; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--vf-link); outline-offset: 2px; }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { display: block; inline-size: 20px; block-size: 20px; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.icon-more { stroke-width: 2.75; }

.head { position: relative; padding: 14px 14px 12px 20px; border-block-end: 1px solid var(--vf-line); }
.bar { display: flex; align-items: center; gap: 4px; min-block-size: 36px; }
.badge { display: grid; place-items: center; inline-size: 32px; block-size: 32px; margin-inline-end: 6px; border-radius: 10px; color: var(--vf-on-fill); background: var(--vf-fill); }
h2 { flex: 1; min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 16px; font-weight: 650; line-height: 1.3; letter-spacing: -.005em; }
.plain { display: grid; place-items: center; flex: none; inline-size: 34px; block-size: 34px; border-radius: 10px; color: var(--vf-soft); }
.plain:hover { color: var(--vf-text); background: var(--vf-tint); }
.facts { display: flex; flex-wrap: wrap; column-gap: 16px; min-block-size: 20px; margin-block-start: 8px; padding-inline-end: 6px; font-size: 12.5px; line-height: 1.55; color: var(--vf-soft); }
.menu { position: absolute; z-index: 2; inset-block-start: 54px; inset-inline-end: 14px; min-inline-size: 184px; padding: 6px; border: 1px solid var(--vf-line); border-radius: 14px; background: var(--vf-ground); box-shadow: var(--vf-shadow); }
.menu button, .menu a, .language { display: block; inline-size: 100%; padding: 8px 12px; border-radius: 9px; font-size: 14px; text-align: start; text-decoration: none; color: var(--vf-text); }
.menu .language { display: flex; align-items: center; justify-content: space-between; gap: 12px; min-block-size: 0; margin-block-start: 6px; padding: 8px 12px; border: 0; border-radius: 0; border-block-start: 1px solid var(--vf-line); background: none; color: var(--vf-soft); cursor: default; }
select { max-inline-size: 132px; min-block-size: 30px; padding: 0 4px; border: 1px solid var(--vf-control); border-radius: 8px; font: inherit; font-size: 13px; color: var(--vf-text); background: var(--vf-ground); }
.menu button:hover, .menu a:hover { background: var(--vf-tint); }

.log { flex: 1; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; padding: 20px; scrollbar-width: thin; scrollbar-color: var(--vf-line) transparent; }
.log:focus-visible { outline-offset: -3px; border-radius: 6px; }
.greeting { display: flex; flex-direction: column; justify-content: flex-end; min-block-size: 100%; padding-block-end: 4px; }
.greeting p { max-inline-size: 30ch; color: var(--vf-soft); }
.greeting p:first-child { margin-block-end: 8px; font-size: 24px; font-weight: 650; line-height: 1.3; letter-spacing: -.01em; color: var(--vf-text); }
.greeting:not([hidden]) ~ .items { display: none; }
.items { display: flex; flex-direction: column; gap: 16px; list-style: none; }
.message { content-visibility: auto; contain-intrinsic-size: auto 80px; display: flex; flex-direction: column; align-items: flex-start; gap: 6px; }
.own { align-items: flex-end; }
.bubble { max-inline-size: 88%; padding: 10px 15px; border-radius: 4px 18px 18px; background: var(--vf-tint); overflow-wrap: anywhere; }
.own .bubble { border-radius: 18px 18px 4px; color: var(--vf-on-fill); background: var(--vf-fill); white-space: pre-wrap; }
.own[data-state=pending] .bubble { color: var(--vf-text); background: var(--vf-ground); box-shadow: inset 0 0 0 1.5px var(--vf-fill); }
[dir=rtl] .bubble { border-radius: 18px 4px 18px 18px; }
[dir=rtl] .own .bubble { border-radius: 18px 18px 18px 4px; }
[dir=rtl] .sources a { text-align: right; }
.bubble > * + * { margin-block-start: 10px; }
.bubble ul, .bubble ol { padding-inline-start: 1.35em; }
.bubble ul { list-style: disc; }
.bubble li + li { margin-block-start: 4px; }
.bubble li::marker { color: var(--vf-soft); }
.bubble strong { font-weight: 650; }
code { padding: 1px 5px; border-radius: 5px; background: var(--vf-line); font: .88em/1.5 ui-monospace, "SF Mono", Consolas, monospace; }
pre { overflow-x: auto; padding: 10px 12px; border-radius: 10px; background: var(--vf-ground); }
pre code { padding: 0; background: none; white-space: pre; }
[data-state=streaming] .bubble > :last-child:not(ul, ol)::after, [data-state=streaming] .bubble > :last-child > li:last-child::after { content: ""; display: inline-block; inline-size: 7px; block-size: 1em; margin-inline-start: 4px; vertical-align: -.12em; border-radius: 2px; background: var(--vf-link); animation: blink 1s steps(2, jump-none) infinite; }
@keyframes blink { to { opacity: .15; } }
.hint { font-size: 12.5px; line-height: 1.5; color: var(--vf-soft); }
.sources { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 14px; max-inline-size: 100%; font-size: 13px; }
.sources-title { color: var(--vf-soft); }
.sources a, .sources > span { padding-block: 3px; }
.deeds { display: flex; gap: 4px; margin-inline-start: -7px; opacity: 0; transition: opacity .15s; }
.deeds:empty { display: none; }
.message:is(:hover, :focus-within, :last-child) .deeds { opacity: 1; }
.deed { display: flex; align-items: center; gap: 5px; min-block-size: 26px; padding: 0 7px; border-radius: 8px; font-size: 12.5px; color: var(--vf-soft); }
.deed:hover { color: var(--vf-text); background: var(--vf-tint); }
.deed .icon { inline-size: 15px; block-size: 15px; }
.more { display: block; margin: 0 auto 14px; }
.note { align-self: center; max-inline-size: 92%; font-size: 12.5px; line-height: 1.5; text-align: center; color: var(--vf-soft); text-wrap: balance; }
.receipt { display: block; overflow-wrap: anywhere; font: 11px/1.6 ui-monospace, "SF Mono", Consolas, monospace; }
.thinking { display: flex; gap: 5px; inline-size: max-content; margin-block-start: 16px; padding: 16px 17px; border-radius: 4px 18px 18px; background: var(--vf-tint); }
.items:empty + .thinking { margin-block-start: 0; }
.thinking i { inline-size: 6px; block-size: 6px; border-radius: 50%; background: var(--vf-soft); animation: wait 1.2s ease-in-out infinite; }
.thinking i:nth-child(2) { animation-delay: .15s; }
.thinking i:nth-child(3) { animation-delay: .3s; }
@keyframes wait { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; transform: translateY(-3px); } }

.sheet { flex: 1; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: var(--vf-line) transparent; padding: 14px 20px 24px; font-size: 14px; }
.sheet > .quiet { padding: 0; }
.sheet h3 { margin-block: 14px 2px; font-size: 20px; }
.part { padding-block: 14px; border-block-end: 1px solid var(--vf-line); }
.part p { color: var(--vf-soft); overflow-wrap: anywhere; }
.part p + p { margin-block-start: 6px; }
h4 { margin: 0 0 4px; font-size: 14px; font-weight: 650; }
.ways { display: grid; gap: 14px; margin-block-start: 10px; list-style: none; }
.ways .choice { inline-size: 100%; }
.ways p { margin-block-start: 5px; font-size: 12.5px; }
.sheet-body > p { margin-block-start: 14px; }

.foot { display: flex; flex-direction: column; min-block-size: 0; max-block-size: 82%; padding: 0 14px 14px; }
.line { display: flex; align-items: center; gap: 12px; padding-inline: 6px; font-size: 13px; line-height: 1.5; }
.line > * { margin-block: 0 8px; }
.status { flex: 1; color: var(--vf-soft); }
.status:empty { margin: 0; }
.status[data-tone=notice] { padding-block-end: 10px; font-size: 15px; line-height: 1.65; color: var(--vf-text); }
.status[data-tone=alert] { color: var(--vf-alert); }
.quiet { flex: none; min-block-size: 24px; padding: 0 2px; font-size: 13px; color: var(--vf-link); text-decoration: underline; text-underline-offset: 3px; }
.hint .quiet { margin-inline-start: 8px; font-size: inherit; }
.stop { display: flex; align-items: center; gap: 4px; flex: none; min-block-size: 32px; padding: 0 14px 0 8px; border: 1px solid var(--vf-control); border-radius: 99px; font-size: 13px; }
.stop:hover:not(:disabled) { background: var(--vf-tint); }
.stop:disabled { color: var(--vf-soft); }
.stop .icon { fill: currentColor; stroke: none; }
.field { display: flex; align-items: flex-end; gap: 6px; padding: 5px; border: 1px solid var(--vf-control); border-radius: 18px; background: var(--vf-ground); }
.field:focus-within { border-color: var(--vf-link); box-shadow: 0 0 0 1px var(--vf-link); }
textarea:focus-visible { outline: 0; }
textarea { flex: 1; min-inline-size: 0; padding: 6px 4px 6px 11px; border: 0; resize: none; background: none; line-height: 24px; scrollbar-width: thin; }
textarea::placeholder { color: var(--vf-soft); opacity: 1; }
.send { display: grid; place-items: center; flex: none; inline-size: 36px; block-size: 36px; border-radius: 12px; color: var(--vf-on-fill); background: var(--vf-fill); }
.send:hover:not(:disabled) { background: var(--vf-fill-strong); }
.send:disabled { color: var(--vf-soft); background: var(--vf-tint); }
.counter { padding: 6px 6px 0; font-size: 12.5px; color: var(--vf-soft); }
.counter:empty { display: none; }
.counter[data-over] { color: var(--vf-alert); }

.card { min-block-size: 0; overflow-y: auto; margin: 0 -14px -14px; padding: 18px 20px 20px; border-block-start: 1px solid var(--vf-line); background: var(--vf-tint); animation: rise .22s cubic-bezier(.2, .8, .3, 1); }
h3 { display: flex; align-items: center; gap: 8px; font-size: 16px; font-weight: 650; line-height: 1.4; outline: none; }
h3 .icon { inline-size: 18px; block-size: 18px; color: var(--vf-link); }
fieldset { display: grid; grid-template-columns: repeat(3, auto); gap: 8px; margin-block-start: 14px; }
legend { margin-block-end: 6px; padding: 0; font-size: 13px; color: var(--vf-soft); }
fieldset label { display: flex; align-items: center; justify-content: center; gap: 7px; min-block-size: 40px; padding: 0 8px; border: 1px solid var(--vf-control); border-radius: 11px; background: var(--vf-ground); font-size: 13.5px; line-height: 1.3; cursor: pointer; }
fieldset label:has(:checked) { border-color: var(--vf-link); box-shadow: 0 0 0 1px var(--vf-link); }
fieldset label:has(:focus-visible) { outline: 2px solid var(--vf-link); outline-offset: 2px; }
input { flex: none; inline-size: 15px; block-size: 15px; accent-color: var(--vf-link); outline: none; }
.notice { margin-block-start: 14px; font-size: 13.5px; line-height: 1.6; }
.policy { white-space: nowrap; }
dl { display: grid; gap: 3px; margin-block-start: 12px; font-size: 13px; }
dd { flex: 1; text-align: start; }
[dir=rtl] dd { text-align: right; }
dl div { display: flex; gap: 12px; }
dt { flex: none; inline-size: 7.6em; color: var(--vf-soft); }
:lang(zh) dt { inline-size: 4.6em; }
.card-error { margin-block-start: 10px; font-size: 13px; color: var(--vf-alert); }
.card-error:empty { display: none; }
.card-error[data-calm] { color: var(--vf-soft); }
.choices { display: grid; grid-template-columns: 1fr 1fr; gap: 10px; margin-block-start: 16px; }
.choice { min-block-size: 44px; padding: 0 12px; border: 1.5px solid var(--vf-link); border-radius: 13px; background: var(--vf-ground); color: var(--vf-link); font-weight: 600; }
.choice:hover:not(:disabled) { box-shadow: inset 0 0 0 1px; }
.choice:disabled { opacity: .6; }

@media (max-width: 480px) {
  :host([data-mode=float]) .panel { inset: 0; inline-size: 100%; block-size: 100dvh; border-radius: 0; }
  .head { padding-block-start: max(14px, env(safe-area-inset-top)); }
  .foot { padding-block-end: max(14px, env(safe-area-inset-bottom)); }
  textarea { font-size: 16px; }
}
@media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important; } }
@media (forced-colors: active) {
  .panel, .bubble, .thinking, .card, .send { border: 1px solid CanvasText; }
  fieldset label:has(:checked) { outline: 2px solid Highlight; }
  .thinking i { background: CanvasText; forced-color-adjust: none; }
}
`;

/** @returns {CSSStyleSheet} */
export function panelSheet() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}
