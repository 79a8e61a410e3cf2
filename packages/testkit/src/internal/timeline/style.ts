/** How the page looks. */
import { colours } from "./palette.ts"

const variables = (theme: 0 | 1): string =>
  Object.entries(colours).map(([name, values]) => `--${name}:${values[theme]}`).join(";")

export const style = `
:root{color-scheme:light dark;${variables(0)}}
@media (prefers-color-scheme:dark){:root{${variables(1)}}}
@media print{:root{${variables(0)}}}
*{box-sizing:border-box}
html,body{height:100%;margin:0}
body{display:flex;flex-direction:column;background:var(--paper);color:var(--ink);font:13px/1.45 ui-sans-serif,system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
header{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,auto);gap:6px 28px;padding:12px 18px 8px;max-height:42vh;overflow:auto;flex:none}
.title{min-width:0}
h1{font-size:19px;line-height:1.25;margin:0 0 2px;font-weight:650;overflow-wrap:anywhere}
.facts{color:var(--soft)}
.facts b{color:var(--ink);font-weight:600}
.facts .bad{color:var(--violation);font-weight:600}
.facts>span+span::before{content:"·";margin:0 7px;color:var(--soft);font-weight:400}
.replay{display:flex;gap:8px;align-items:center;margin-top:6px;min-width:0}
code,pre{font:12px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.replay code{background:var(--stripe);border:1px solid var(--grid);border-radius:5px;padding:3px 8px;overflow-x:auto;white-space:pre;min-width:0;user-select:all}
button{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--grid);border-radius:6px;padding:2px 9px;cursor:pointer}
button:hover{background:var(--stripe);border-color:var(--soft)}
button:focus-visible,a:focus-visible,canvas:focus-visible,summary:focus-visible{outline:2px solid var(--ping);outline-offset:1px}
.violations{margin-top:8px;border-left:4px solid var(--violation);background:color-mix(in srgb,var(--violation) 9%,var(--paper));border-radius:4px;padding:6px 12px;max-height:22vh;overflow:auto}
.violations div+div{margin-top:6px}
.violations a{color:var(--violation);font-weight:600;margin-right:8px;font-variant-numeric:tabular-nums}
.violations pre{margin:2px 0 0;white-space:pre-wrap;overflow-wrap:anywhere}
.faults{min-width:260px;max-width:640px}
.faults summary{cursor:pointer;color:var(--soft)}
.list{list-style:none;margin:2px 0 0;padding:0;max-height:146px;overflow:auto}
.list li{display:flex;min-width:0}
.list a{display:flex;gap:8px;color:inherit;text-decoration:none;border-radius:4px;padding:0 4px}
.list a span:last-child{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.list a{min-width:0}.list a:hover{background:var(--stripe);text-decoration:underline}
.list .at{min-width:52px;text-align:right;color:var(--soft);font-variant-numeric:tabular-nums;flex:none}
.list i{width:9px;height:9px;border-radius:2px;margin-top:5px;flex:none}
.warning{margin-top:6px;color:var(--suspect)}
nav{display:flex;flex-wrap:wrap;gap:5px 5px;align-items:center;padding:4px 18px 6px;border-bottom:1px solid var(--grid);flex:none}
nav .gap{width:1px;height:18px;background:var(--grid);margin:0 6px}
nav .end{margin-left:auto;display:flex;gap:5px}
.toggle{display:inline-flex;align-items:center;gap:6px;padding:1px 8px 1px 6px;font-size:12px;white-space:nowrap}
.toggle svg{flex:none;overflow:visible}
.toggle small{color:var(--soft);font-size:11px;font-variant-numeric:tabular-nums}
.toggle[aria-pressed=false]{opacity:.45;text-decoration:line-through;border-style:dashed}
#beliefs{display:flex;gap:12px;align-items:center;padding:4px 18px;background:color-mix(in srgb,var(--ping) 10%,var(--paper));font-size:12px;flex:none}
#beliefs[hidden]{display:none}
#beliefs span{display:inline-flex;gap:5px;align-items:center;color:var(--soft)}
#beliefs span i{width:22px;border-radius:1px}
main{position:relative;flex:1 1 auto;min-height:300px;margin-top:4px}
main canvas{position:absolute;inset:0;width:100%;height:100%;display:block}
#over{touch-action:none;cursor:grab;outline-offset:-2px}
#map{display:block;width:100%;height:38px;flex:none;margin:2px 0 8px;cursor:ew-resize;touch-action:none}
#tip{position:absolute;z-index:2;max-width:min(520px,70%);padding:8px 11px;border-radius:8px;background:var(--paper);border:1px solid var(--soft);box-shadow:0 6px 24px #0003;pointer-events:none;font-size:12px}
#tip[hidden]{display:none}
#tip.pinned{pointer-events:auto;border-color:var(--ping);border-width:2px;max-height:80%;overflow:auto}
#tip .head{display:flex;gap:10px;align-items:baseline;margin-bottom:3px}
#tip .head b{font-size:13px;overflow-wrap:anywhere}
#tip .head span,#tip .facts,#tip .sub{color:var(--soft)}
#tip .facts{margin-top:3px;font-variant-numeric:tabular-nums}
#tip .sub{margin-top:5px;padding-top:4px;border-top:1px solid var(--grid)}
#tip .row{display:flex;gap:7px;overflow-wrap:anywhere;white-space:pre-wrap}
#tip .row i{width:8px;height:8px;border-radius:50%;flex:none;margin-top:5px}
#tip .bad{color:var(--violation);font-weight:600}
#tip pre{margin:0;white-space:pre-wrap}
.help{position:relative}
.help summary{list-style:none;cursor:pointer;border:1px solid var(--grid);border-radius:6px;padding:2px 9px}
.help summary::-webkit-details-marker{display:none}
.help dl{position:absolute;right:0;top:30px;z-index:3;width:390px;margin:0;padding:10px 14px;background:var(--paper);border:1px solid var(--soft);border-radius:8px;box-shadow:0 6px 24px #0003;display:grid;grid-template-columns:auto 1fr;gap:3px 14px}
.help dt{font-weight:600;white-space:nowrap}
.help dd{margin:0;color:var(--soft)}
@media (max-width:820px){header{grid-template-columns:minmax(0,1fr)}.help dl{position:fixed;right:8px;left:8px;top:auto;width:auto}}
@media print{nav,.replay button,#map,#tip{display:none}body{height:auto}main{height:600px}}
`
