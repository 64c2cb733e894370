/** The look of the page: light, dark and printed, from 320 pixels on. The colours have a contrast of 4.5 and more. */
export const style = `
:root{color-scheme:light dark;--text:#1b1f24;--quiet:#57606a;--line:#d0d7de;--soft:#f6f8fa;--bad:#a40e26;--good:#116329;--link:#0550ae;--back:#fff}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--quiet:#9da7b3;--line:#3d444d;--soft:#161b22;--bad:#ff9492;--good:#7ee787;--link:#79c0ff;--back:#0d1117}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1200px;padding:1rem clamp(.75rem,3vw,2rem);font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--back)}
h1{font-size:1.7rem;margin:.5rem 0 0;overflow-wrap:anywhere}h2{font-size:1.3rem;margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}h3{font-size:1.05rem;margin:1.5rem 0 .5rem;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:0 1rem}nav a,figcaption a{color:var(--link)}a{color:inherit}
.status{color:var(--quiet);margin:.25rem 0 1rem}.bad,.flag{color:var(--bad);font-weight:600}
.attack,.note,.interval,figcaption{color:var(--quiet);font-size:.875rem}.interval,.beside{white-space:nowrap;font-weight:400}td .interval::before{content:"\\a";white-space:pre}td .attack,td .interval{font-size:.8125rem}
.skip,.spoken{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}.skip:focus{position:static;width:auto;height:auto;clip-path:none}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:500px){dl{grid-template-columns:1fr}dd{margin-bottom:.35rem}}
figure{margin:0 0 2rem}figure img{max-width:100%;height:auto;background:#fff}svg{max-width:100%;height:auto}
.chart{overflow-x:auto;outline-offset:2px}.chart svg{display:block;width:calc(var(--width,720)*1.25px);min-width:min(var(--width,720)*1px,560px)}.chart text{fill:var(--text)}
.readout{min-height:2.6em;margin:.25rem 0;font-size:.875rem;font-variant-numeric:tabular-nums}.readout span{display:inline-block;margin-right:1rem}
.toggles{display:flex;flex-wrap:wrap;gap:.35rem;margin:.35rem 0}.toggles button,.dialog button{font:inherit;font-size:.875rem;color:inherit;background:var(--soft);border:1px solid var(--line);border-radius:.3rem;padding:.15rem .5rem;cursor:pointer;min-height:1.75rem}
.toggles button[aria-pressed=false]{text-decoration:line-through;color:var(--quiet)}.toggles i,.readout i{display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:50%}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left;max-width:calc(100vw - 1.5rem);color:var(--quiet);padding:.25rem 0}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}th{background:var(--soft);vertical-align:bottom}
.number{text-align:right}td.number{min-width:5.5rem}th button{all:unset;cursor:pointer}th button::after{content:" ↕";color:var(--quiet)}
button:focus-visible,.wide:focus-visible,.chart:focus-visible,a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
th[aria-sort=ascending] button::after{content:" ↑";color:inherit}th[aria-sort=descending] button::after{content:" ↓";color:inherit}
pre{background:var(--soft);padding:.75rem;overflow-x:auto;font-size:.8125rem;line-height:1.45}
details{margin:.5rem 0}summary{cursor:pointer}
.key{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;margin:.25rem 0;font-size:.875rem}.key span{display:inline-block;width:.8em;height:.8em;margin-right:.35em}
.filter{margin:.5rem 0;font:inherit;padding:.25rem .5rem;max-width:100%;color:inherit;background:var(--soft);border:1px solid var(--quiet)}
.gallery{margin:0 0 1rem}.truth{font-weight:600;margin:.5rem 0 .25rem}.cards{display:flex;flex-wrap:wrap;gap:.75rem .5rem;margin-bottom:.75rem}
.card{width:7.5rem;font-size:.8125rem;line-height:1.3;overflow-wrap:anywhere}.card img{display:block;width:7.5rem;margin-bottom:2px;image-rendering:pixelated}.card p{margin:.15rem 0}.card .note{font-size:.75rem}.called{color:var(--quiet)}.said{font-weight:600}.others{display:none}
.card button{all:unset;display:block;cursor:zoom-in}.card button:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.dialog{max-width:min(72rem,96vw);max-height:94vh;color:var(--text);background:var(--back);border:1px solid var(--quiet);padding:1rem}.dialog::backdrop{background:#000a}
.dialog .card,.dialog .card img{width:13rem}.dialog .others{display:block;list-style:none;margin:0;padding:0;color:var(--quiet)}.dialog nav{gap:.5rem;margin-bottom:.5rem}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:0 1.5rem}.pair .card{width:5.5rem}.pair .card img{width:5.5rem}.pair h3{margin-top:.5rem}.up{color:var(--good)}.down{color:var(--bad)}
@media (max-width:500px){table{font-size:.75rem}td .attack,td .interval{font-size:.6875rem}th,td{padding:.2rem .3rem}td.number{min-width:0}th button::after{content:none}}
@media print{:root{color-scheme:light;--text:#1b1f24;--quiet:#57606a;--line:#d0d7de;--soft:#f6f8fa;--bad:#a40e26;--good:#116329;--link:#0550ae;--back:#fff}body{max-width:none;padding:0;font-size:11pt}nav,.filter,.toggles,.readout,.skip,dialog,th button::after{display:none!important}.wide,.chart{overflow:visible}.chart svg{width:auto;min-width:0}tr,.card,.chart svg{break-inside:avoid}thead{display:table-row-group}h2,h3{break-after:avoid}table{font-size:8.5pt}th,td{padding:.15rem .35rem}pre{white-space:pre-wrap;overflow-wrap:anywhere}.pair{grid-template-columns:1fr 1fr}.pair table{font-size:7pt}.cards{display:inline-flex;vertical-align:top;margin:0 .5rem .35rem 0}.card,.card img,.pair .card,.pair .card img{width:1.6cm}.card{font-size:7pt}.card .note{font-size:6pt}.truth,.called{break-after:avoid}figure details:not([open]){display:none}}
`.trim();
