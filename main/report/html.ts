import { pageColors, type ThemeName } from '../figures/colors.ts';
import { type Columns, filledColumns, type Names, PLAIN_NAMES, shownCell } from '../figures/columns.ts';
import { escapeHtml } from '../figures/escape.ts';
import { methodColors } from '../figures/method-marks.ts';

/** A piece of HTML, escaped and complete. */
export interface HtmlNode {
  readonly html: string;
}

type Attributes = Readonly<Record<string, string | number>>;
export type HtmlContent = HtmlNode | string | number;

const written = (content: HtmlContent): string =>
  typeof content === 'object' ? content.html : escapeHtml(String(content));

/** Elements without content and end tag. */
const VOID = new Set(['meta', 'br', 'hr', 'col']);

/** An element; text content is escaped. Children are passed as lists, since long argument lists overflow the stack. */
export const html = (
  name: string,
  attributes: Attributes,
  ...children: readonly (HtmlContent | readonly HtmlContent[])[]
): HtmlNode => {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeHtml(String(value))}"`)
    .join('');
  return {
    html: VOID.has(name) ? `<${name}${list}>` : `<${name}${list}>${children.flat().map(written).join('')}</${name}>`,
  };
};

/** Content below a summary, which opens it. */
export const folded = (summary: string, content: HtmlContent | readonly HtmlContent[]): HtmlNode =>
  html('details', {}, html('summary', {}, summary), content);

/** Terms, each with what is said of it. */
export const termList = (name: string, entries: readonly (readonly [term: string, text: HtmlContent])[]): HtmlNode =>
  html(
    'dl',
    { class: name },
    entries.map(([term, text]) => html('div', {}, html('dt', {}, term), html('dd', {}, text))),
  );

/** A list of notes; nothing where there are none. */
export const notes = (texts: readonly string[]): HtmlNode[] =>
  texts.length === 0
    ? []
    : [
        html(
          'ul',
          { class: 'notes' },
          texts.map((text) => html('li', {}, text)),
        ),
      ];

export const htmlAll = (nodes: readonly HtmlContent[]): HtmlNode => ({ html: nodes.map(written).join('') });

/** Markup that is already safe: a figure of svgDocument. */
export const htmlFigure = (svg: string): HtmlNode => ({ html: svg });

export interface ReportColumn<T> {
  readonly title: string;
  /** Aligns numbers right. */
  readonly isNumber?: boolean;
  readonly cell: (row: T) => HtmlContent;
}

/** Rows of a table that stays on one page of paper. */
const SHORT_ROWS = 30;

/** A table of finished cells: those of its head, and those of each row. */
export const tableOfCells = (
  caption: HtmlContent,
  head: readonly HtmlNode[],
  rows: readonly (readonly HtmlNode[])[],
): HtmlNode =>
  html(
    'table',
    {},
    html('caption', {}, caption),
    html('thead', {}, html('tr', {}, head)),
    html('tbody', {}, htmlAll(rows.map((cells) => html('tr', {}, cells)))),
  );

/** A table with a caption; the first column names its row. */
export const reportTable = <T>(
  caption: HtmlContent,
  columns: readonly ReportColumn<T>[],
  rows: readonly T[],
): HtmlNode => {
  const align = ({ isNumber = false }: ReportColumn<T>): Readonly<Record<string, string>> =>
    isNumber ? { class: 'number' } : {};
  return html(
    'div',
    // It may scroll, also by keys.
    { class: rows.length <= SHORT_ROWS ? 'wide short' : 'wide', tabindex: '0' },
    tableOfCells(
      caption,
      columns.map((column) => html('th', { scope: 'col', ...align(column) }, column.title)),
      rows.map((row) =>
        columns.map((column, index) =>
          index === 0
            ? html('th', { scope: 'row', ...align(column) }, column.cell(row))
            : html('td', align(column), column.cell(row)),
        ),
      ),
    ),
  );
};

/** The columns of a document that have something to say about its rows. */
export const reportColumns = <T>(
  columns: Columns<T>,
  rows: readonly T[],
  names: Names = PLAIN_NAMES,
): readonly (ReportColumn<T> & { readonly name: string })[] =>
  filledColumns(columns, rows).map((column) => {
    const [name, , shown] = column;
    return {
      name,
      title: shown?.title ?? '',
      isNumber: shown?.numeric ?? false,
      cell: (row) => shownCell(column, row, names) ?? '',
    };
  });

export const columnsTable = <T>(
  caption: HtmlContent,
  columns: Columns<T>,
  rows: readonly T[],
  names: Names = PLAIN_NAMES,
): HtmlNode => reportTable(caption, reportColumns(columns, rows, names), rows);

/** Colours of the page beside those of its figures; text has a contrast of at least 5 on its background. */
const surfaces: Readonly<Record<ThemeName, Readonly<Record<string, string>>>> = {
  light: {
    '--border': '#dfe2e6',
    '--sunken': '#f5f6f7',
    '--accent': '#2456c9',
    '--tint': '36, 86, 201',
    '--notice': '#fdf3e6',
  },
  dark: {
    '--border': '#32363d',
    '--sunken': '#1d2025',
    '--accent': '#8db1ff',
    '--tint': '122, 164, 255',
    '--notice': '#2c2418',
  },
};

const properties = (name: ThemeName): string =>
  [...pageColors(name), ...methodColors(name), ...Object.entries(surfaces[name]), ['color-scheme', name]]
    .map(([property, value]) => `${property}:${value}`)
    .join(';');

/** Style sheet of the page: light or dark like the reader's system, always light on paper. */
export const reportStyles = (): string => `
:root{${properties('light')}}
@media screen and (prefers-color-scheme:dark){:root{${properties('dark')}}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0 auto;padding:3.5rem 2rem 5rem;max-width:66rem;background:var(--figure-background);color:var(--figure-ink);
font:16px/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',sans-serif;
  -webkit-print-color-adjust:exact;print-color-adjust:exact}
h1,h2,h3{line-height:1.25;text-wrap:balance}
h1{font-size:2.1rem;letter-spacing:-.015em;margin:.2rem 0 1rem}
h2{font-size:1.4rem;letter-spacing:-.01em;margin:4rem 0 1rem;padding-top:1.2rem;border-top:1px solid var(--border)}
h3{font-size:1.05rem;margin:2.4rem 0 .6rem}
p,li,dd{max-width:46rem}
small{font-size:.85em;font-weight:400}
p{margin:.6rem 0}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
small,.eyebrow,.muted,figcaption,caption{color:var(--figure-muted)}
.eyebrow{font-size:.85rem;letter-spacing:.02em;margin:0}
.lead{font-size:1.1rem}
.notice{background:var(--notice);border-radius:6px;padding:.7rem 1rem;max-width:46rem}
.verdict{margin:.6rem 0;padding-left:1.1rem}
.verdict li{margin:.15rem 0;max-width:none}
.appendix{margin:0;border-top:1px solid var(--border)}
.appendix>summary{padding:.7rem 0}
.appendix>summary h2{display:inline;margin:0;padding:0;border:0;font-size:1.05rem}
section:has(>.appendix)+section:has(>.appendix){margin:0}
section:not(:has(>.appendix))+section:has(>.appendix){margin-top:4rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:1.2rem 2rem;margin:2rem 0 0;
  padding:1.2rem 0 0;border-top:1px solid var(--border)}
.facts .long{grid-column:span 2}
.facts dt,.record dt{font-size:.8rem;color:var(--figure-muted)}
.facts dd{margin:0;font-size:.95rem;overflow-wrap:anywhere}
body>.origin{margin-top:1.4rem;font-size:.9rem}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;padding:0;margin:2rem 0 0;font-size:.95rem}
.findings{margin:1.2rem 0 1.6rem}
.findings div{display:grid;grid-template-columns:10rem 1fr;gap:0 2rem;padding:.55rem 0}
.findings dt{color:var(--figure-muted);font-size:.9rem;padding-top:.08rem}
.findings dd{margin:0}
.key dd{font-size:1.08rem}
.key dt{padding-top:.2rem}
.notes{font-size:.9rem;color:var(--figure-muted);padding-left:1.1rem}
figure{margin:1.6rem 0 2.2rem}
.chart{margin:0 -24px;overflow-x:auto}
.chart svg{display:block;max-width:100%;min-width:38rem;height:auto}
figcaption{font-size:.88rem;max-width:46rem;margin-top:.3rem}
.wide{overflow-x:auto;min-width:100%;width:max-content;max-width:min(100vw - 5rem,50vw + 27rem)}
.wide caption{max-width:min(46rem,100vw - 4rem)}
.wide th,.wide td{padding-inline:.55rem}
.line{white-space:nowrap}
.again{position:absolute;clip-path:inset(50%)}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;margin:.4rem 0 1.2rem}
caption{text-align:left;min-width:min(30rem,90vw);padding:0 0 .5rem;font-size:.9rem}
caption b{color:var(--figure-ink);font-weight:600}
th,td{padding:.28rem .7rem;text-align:left;border-bottom:1px solid var(--border);vertical-align:baseline}
thead th{font-weight:600;white-space:nowrap}
tbody th{font-weight:400;white-space:nowrap}
.number{text-align:right;white-space:nowrap}
.matrices{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,29rem),1fr));gap:1.6rem 2.4rem;
  margin:1.6rem 0;overflow-x:auto}
.matrices table{width:100%;margin:0}
.matrices th,.matrices td{padding-inline:.4rem}
.single{grid-template-columns:1fr;max-width:52rem}
.matrices caption{min-width:0}
.level{white-space:nowrap;background:rgba(var(--tint),calc(var(--level)*.055))}
.level b{font-weight:600}
.level.unsafe{background:rgba(154,74,0,.13)}
.level.open b,.level.unknown b{font-weight:400;font-style:italic}
.level small{display:block}
.size{display:block;font-weight:400;color:var(--figure-muted)}
.definitions{columns:2;column-gap:3rem}
.definitions div{break-inside:avoid;padding-bottom:.9rem}
.definitions dt{font-weight:600}
.definitions dd{margin:0;font-size:.93rem}
code,pre{font:.85em/1.5 ui-monospace,'SF Mono','Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace;
  overflow-wrap:anywhere}
pre{white-space:pre-wrap;background:var(--sunken);padding:1rem;border-radius:6px}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1.2rem}
mark{background:rgba(var(--tint),.22);color:inherit;font-weight:700;border-radius:3px}
details{margin:.8rem 0}
summary{cursor:pointer;padding:.3rem 0}
.record{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.6rem;align-items:baseline}
.record dd{margin:0}
@media (max-width:44rem){body{padding:1.6rem 1rem 3rem}
.definitions{columns:1}.findings div{grid-template-columns:1fr}.chart{margin:0}}
@page{size:A4;margin:17mm 15mm 18mm}
@page{@bottom-right{content:counter(page) " / " counter(pages);font:8pt sans-serif;color:#5a616b}}
@media print{
html{font-size:10pt}
p,li,dd{max-width:none}
body{padding:0;max-width:none;font-size:10pt;line-height:1.5}
h1{font-size:20pt}h2{font-size:14pt;margin:9mm 0 3mm;padding-top:4mm}h3{font-size:11pt;margin:6mm 0 2mm}
h2,h3,caption,summary,h2+.muted{break-after:avoid}
nav,.origin{display:none}
#verdict{break-after:page}
#verdict h2{margin:2mm 0;padding:0;border:0}
#verdict figure{margin:2mm 0}
#verdict .chart{margin:0}
#verdict figcaption{display:none}
#verdict ul,#verdict .muted{font-size:9pt;line-height:1.4;max-width:none}
#verdict .chart svg{max-height:122mm;margin:0 auto}
#verdict figure:last-child .chart svg{max-height:54mm}
header .lead{font-size:9pt;margin:0}
.verdict{margin:1mm 0}
a{color:inherit;text-decoration:none}
figure,.findings div,.notice,tr,.matrices table,.record,.short{break-inside:avoid}
figure{margin:4mm 0 6mm}
.chart{margin:0 -4mm;overflow:visible}
.chart svg{min-width:0;max-height:225mm;margin:0}
.findings div{grid-template-columns:32mm 1fr;gap:0 6mm;padding:1.5mm 0}
.key dd{font-size:10.5pt}
thead{display:table-header-group}
table{font-size:8pt}
th,td{padding:1mm 2mm}
.wide,.matrices{overflow:visible}
.wide{min-width:0;width:auto;max-width:none}
.wide caption{max-width:none}
.line{white-space:normal}
.wide th,.wide td{white-space:normal;padding:.5mm 1mm;line-height:1.3}
#methods tbody tr>:first-child{white-space:nowrap}
.matrices{grid-template-columns:1fr 1fr;gap:5mm 7mm}
.single{grid-template-columns:1fr}
.half svg{max-height:94mm}
.definitions dd,.notes,figcaption{font-size:8.5pt}
details:not([open]){display:none}
.screen{display:none}
}
`;
