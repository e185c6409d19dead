import type { FitDocument } from '../contract/fit.ts';
import type { RunManifest } from '../contract/run.ts';
import { fitColumns, fitCurve, fitRows } from '../figures/fit-table.ts';
import { canaryWords } from '../evaluation/canaries.ts';
import { forecastWords } from '../evaluation/written-forecast.ts';
import { elsewhereWords, fitNotes, fitSentence, givenUp, limitWords } from '../words/fit.ts';
import { columnsTable, html, notes } from './html.ts';
import { htmlPage, pageHeader, type Section } from './page.ts';
import { recordSection } from './report-header.ts';

/** The answer of a search as one HTML page: the sentence, the candidates, what else it costs, and the record. */
export const fitPage = (manifest: RunManifest, document: FitDocument): string => {
  const rows = fitRows(document);
  const curve = fitCurve(document).map((candidate) => ({ document, candidate }));
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
    { id: 'elsewhere', title: 'On other tasks', content: notes(elsewhereWords(document)) },
    { id: 'forecast', title: 'Forecast of written answers', content: notes(forecastWords(document)) },
    { id: 'canaries', title: 'Canaries', content: notes(canaryWords(document)) },
    { id: 'notes', title: 'How it was found', content: notes(fitNotes(document)) },
    { id: 'record', title: 'Record', content: recordSection(manifest) },
  ];
  return htmlPage({
    manifest,
    header: pageHeader(
      'the best model that fits',
      `${document.model} in ${limitWords(document.settings.limit)}`,
      fitSentence(document),
    ),
    parts,
  });
};
