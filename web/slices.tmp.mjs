import { createServer } from "node:http"; import { readFileSync, existsSync } from "node:fs"; import { chromium } from "playwright-core";
const T={html:"text/html",css:"text/css",js:"text/javascript",svg:"image/svg+xml"};
const s=createServer((q,r)=>{const f="/tmp/webwork/pages"+q.url.split("?")[0]; if(!existsSync(f)){r.writeHead(404).end();return} r.writeHead(200,{"content-type":T[f.split(".").pop()]+"; charset=utf-8"}); r.end(readFileSync(f))});
await new Promise(d=>s.listen(0,d)); const b=await chromium.launch({executablePath:"/usr/bin/chromium",args:["--no-sandbox"]});
for (const [file,w,h,ys,scale] of [["index-zh-CN",1366,768,[0,760]],["index-zh-CN",360,740,[0,740,1480,2220,2960,3700]],["index-en",360,740,[0,740]],["index-en",1366,768,[0]],["error404-zh-CN",360,740,[0]]]) {
 const p=await b.newPage({viewport:{width:w,height:h}}); await p.goto(`http://127.0.0.1:${s.address().port}/${file}.html`); await p.waitForTimeout(200);
 for (const y of ys){await p.evaluate(y=>{document.activeElement?.blur();scrollTo(0,y)},y); await p.waitForTimeout(80); await p.screenshot({path:`/tmp/webwork/s-${file}-${w}-${y}.png`});}
 await p.close(); }
const p=await b.newPage({viewport:{width:1110,height:740}});
await p.setContent(`<body style="margin:0;display:flex;gap:10px;background:#888">`+[0,740,1480].map(y=>`<img src="data:image/png;base64,${readFileSync(`/tmp/webwork/s-index-zh-CN-360-${y}.png`).toString("base64")}">`).join("")); await p.screenshot({path:"/tmp/webwork/phone1.png"});
await p.setContent(`<body style="margin:0;display:flex;gap:10px;background:#888">`+["index-zh-CN-360-2220","index-en-360-0","error404-zh-CN-360-0"].map(y=>`<img src="data:image/png;base64,${readFileSync(`/tmp/webwork/s-${y}.png`).toString("base64")}">`).join("")); await p.screenshot({path:"/tmp/webwork/phone2.png"});
await b.close(); s.close();
