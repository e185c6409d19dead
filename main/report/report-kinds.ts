import type { SweepDocument } from '../contract/sweep.ts';
import { choiceAndWriting, type ChoiceAndWriting, reachSummary } from '../evaluation/choice-and-writing.ts';
import { reachText } from '../words/verdicts.ts';
import { html, type HtmlNode, reportTable } from './html.ts';

/** Thresholds of tasks measured with both kinds of answers, side by side; empty if there are none. */
export const choiceAndWritingTable = (document: SweepDocument): HtmlNode[] => {
  const pairs = choiceAndWriting(document);
  const summary = reachSummary(pairs);
  if (pairs.length === 0) return [];
  return [
    html('h3', {}, 'Chosen and written answers'),
    ...(summary === null ? [] : [html('p', {}, summary)]),
    reportTable<ChoiceAndWriting>(
      'The same items and the same plans: how far a task is safe if the model chooses among answers, and ' +
        'if it writes them.',
      [
        { title: 'task', cell: ({ task }) => task },
        { title: 'model', cell: ({ model }) => model },
        { title: 'method', cell: ({ method }) => method },
        { title: 'safe by choice', cell: ({ choice }) => reachText(choice) },
        { title: 'safe when written', cell: ({ writing }) => reachText(writing) },
      ],
      pairs,
    ),
  ];
};
