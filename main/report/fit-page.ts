import type { FitDocument } from '../contract/fit.ts';
import type { RunManifest } from '../contract/run.ts';
import { fitColumns, fitCurve, fitRows } from '../figures/fit-table.ts';
import { canaryWords } from '../evaluation/canaries.ts';
import { forecastWords } from '../evaluation/written-forecast.ts';
import { elsewhereWords, fitNotes, fitSentence, givenUp, limitWords } from '../words/fit.ts';
import { columnsTable, html, notes } from './html.ts';
import { htmlPage, type Section } from './page.ts';
import { recordSection } from './report-header.ts';

/** The answer of a search as one HTML page: the sentence, the candidates, what else it costs, and the record. */
export const fitPage = (manifest: RunManifest, document: FitDocument): string => {
  const rows = fitRows(document);
  const curve = fitCurve(document).map((candidate) => ({ document, candidate }));
  const elsewhere = elsewhereWords(document);
  const foretold = forecastWords(document);
  const canaries = canaryWords(document);
  const parts: readonly Section[] = [
    {
      id: 'candidates',
      title: 'Candidates',
      content: [
        html('p', { class: 'lead' }, givenUp(document)),
        columnsTable('The recommended model, the finalists, and every other candidate by its loss.', fitColumns, rows),
      ],
    },
    {
      id: 'curve',
      title: 'Smaller and larger budgets',
      content: [columnsTable('The best loss for growing bytes, on the scoring items.', fitColumns, curve)],
    },
    ...(elsewhere.length === 0
      ? []
      : [{ id: 'elsewhere', title: 'On other tasks', content: notes(elsewhere) } satisfies Section]),
    ...(foretold.length === 0
      ? []
      : [{ id: 'forecast', title: 'Forecast of written answers', content: notes(foretold) } satisfies Section]),
    ...(canaries.length === 0
      ? []
      : [{ id: 'canaries', title: 'Canaries', content: notes(canaries) } satisfies Section]),
    { id: 'notes', title: 'How it was found', content: notes(fitNotes(document)) },
    { id: 'record', title: 'Record', content: recordSection(manifest) },
  ];
  return htmlPage({
    manifest,
    header: html(
      'header',
      {},
      html('p', { class: 'eyebrow' }, 'Uncurl Workbench \u00b7 the best model that fits'),
      html('h1', {}, `${document.model} in ${limitWords(document.settings.limit)}`),
      html('p', { class: 'lead' }, fitSentence(document)),
    ),
    parts,
    origin: `Run ${manifest.id}, ${manifest.createdAt}.`,
  });
};
