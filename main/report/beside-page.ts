import type { BesideColumn, BesideDifference, BesideDocument } from '../contract/beside.ts';
import type { RunManifest } from '../contract/run.ts';
import { goneColumns, goneRows, likelyColumns, likelyRows } from '../figures/compare-tables.ts';
import { besideTexts, choicesGone, endedText, traceText } from '../words/beside.ts';
import { columnsTable, html, type HtmlNode, notes } from './html.ts';
import { htmlPage, pageHeader, type Section } from './page.ts';
import { recordSection } from './report-header.ts';

/** A text with the marked token of its first difference. */
const markedText = ({ tokens }: BesideColumn, marked: ReadonlySet<number>): HtmlNode =>
  html(
    'pre',
    { class: 'text' },
    tokens.map(({ text }, index) => (marked.has(index) ? html('mark', {}, text === '' ? '\u2205' : text) : text)),
  );

const differenceSection = (difference: BesideDifference | null, column: BesideColumn, index: number): Section => {
  const id = `difference-${index + 1}`;
  const title = `First difference of ${column.name}`;
  if (difference === null) return { id, title, content: [html('p', {}, 'No token differs in what both wrote.')] };
  return {
    id,
    title,
    content: [
      html('p', { class: 'lead' }, `New token ${difference.at + 1}. ${choicesGone(difference)}`),
      columnsTable(
        'Likeliest next tokens of both models after the same text.',
        likelyColumns(column.name),
        likelyRows(difference),
      ),
      columnsTable(
        'Experts that the unpruned model used there, and those of them that are gone under the plan.',
        goneColumns,
        goneRows(difference),
      ),
    ],
  };
};

/** A side by side as one HTML page: the prompt, the texts with their first differences marked, and the record. */
export const besidePage = (manifest: RunManifest, document: BesideDocument): string => {
  const { columns, differences } = document;
  const marks = differences.flatMap((difference) => (difference === null ? [] : [difference.at]));
  const marksOf = (index: number): ReadonlySet<number> => {
    const difference = differences[index - 1];
    return new Set(index === 0 ? marks : difference === null || difference === undefined ? [] : [difference.at]);
  };
  return htmlPage({
    manifest,
    header: pageHeader(
      'side by side',
      manifest.title,
      `${document.model}, greedy decoding after ${document.promptTokens} tokens.`,
    ),
    parts: [
      { id: 'prompt', title: 'Prompt', content: [html('pre', { class: 'text' }, document.context)] },
      {
        id: 'texts',
        title: 'Texts',
        content: [
          html(
            'div',
            { class: 'columns' },
            columns.map((column, index) =>
              html(
                'div',
                {},
                html('h3', {}, column.name),
                markedText(column, marksOf(index)),
                html(
                  'p',
                  {},
                  [endedText(column), traceText(document, index - 1)].filter((text) => text !== null).join('. '),
                ),
              ),
            ),
          ),
        ],
      },
      ...differences.flatMap((difference, index) => {
        const column = columns[index + 1];
        return column === undefined ? [] : [differenceSection(difference, column, index)];
      }),
      { id: 'notes', title: 'How to read it', content: notes(Object.values(besideTexts)) },
      { id: 'record', title: 'Record', content: recordSection(manifest) },
    ],
  });
};
