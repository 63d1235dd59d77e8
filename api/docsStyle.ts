/** The documentation page's looks, light or dark as the reader's system has it. */
export const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#ddd, #333); --soft: light-dark(#f6f6f4, #1d1f21); --link: light-dark(#0b5fff, #7ab0ff); }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; display: flex; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; flex: 0 0 220px; padding: 20px; border-right: 1px solid var(--line); }
nav ul { list-style: none; padding: 0; }
main { flex: 1; min-width: 0; max-width: 900px; padding: 20px 40px 80px; }
a { color: var(--link); text-decoration: none; }
h2 { margin: 36px 0 8px; font-size: 20px; } nav h2 { margin-top: 0; } h4 { margin: 18px 0 6px; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 6px 0; }
details > div { padding: 0 16px 14px; }
summary { padding: 8px 14px; cursor: pointer; } summary span { opacity: .75; margin-left: 8px; }
summary b { display: inline-block; width: 62px; font-size: 12px; }
.get { color: light-dark(#0a7d33, #5fd38d); } .post { color: light-dark(#0b5fff, #7ab0ff); }
.patch, .put { color: light-dark(#a15c00, #f0b35a); } .delete { color: light-dark(#c0232c, #ff8080); }
code, pre { font: 13px/1.5 ui-monospace, monospace; } pre { background: var(--soft); padding: 10px 14px; border-radius: 6px; overflow: auto; }
table { border-collapse: collapse; width: 100%; } td { border-top: 1px solid var(--line); padding: 5px 10px 5px 0; vertical-align: top; }
td i { opacity: .6; font-size: 12px; }
@media (max-width: 700px) { body { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 0 16px 60px; } }
`;
