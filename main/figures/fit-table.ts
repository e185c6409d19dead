import type { FitDocument, ScoredCandidate } from '../contract/fit.ts';
import { lossCurve } from '../evaluation/fit.ts';
import { candidateWords, testedWords } from '../words/fit.ts';
import { formatBytes, formatNats } from '../words/numbers.ts';
import { amount, type Columns, number } from './columns.ts';

/** A candidate of a search with its part in it. */
export interface FitRow {
  readonly document: FitDocument;
  readonly candidate: ScoredCandidate;
}

/** Recommended and finalists first, then by loss; candidates of other budgets and untried ones last. */
export const fitRows = (document: FitDocument): readonly FitRow[] => {
  const { recommended, finalists, candidates } = document;
  const places = new Map([...(recommended === null ? [] : [recommended]), ...finalists].map((name, at) => [name, at]));
  const placeOf = ({ name }: ScoredCandidate): number => places.get(name) ?? places.size;
  return [...candidates]
    .sort(
      (left, right) =>
        placeOf(left) - placeOf(right) ||
        Number(right.fits) - Number(left.fits) ||
        right.items - left.items ||
        (left.loss?.mean ?? Infinity) - (right.loss?.mean ?? Infinity),
    )
    .map((candidate) => ({ document, candidate }));
};

const partOf = ({ document: { recommended, finalists }, candidate: { name, fits, items } }: FitRow): string => {
  if (name === recommended) return 'recommended';
  if (finalists.includes(name)) return 'finalist';
  return items === 0 ? 'not tried' : fits ? '' : 'other budget';
};

const testOf = ({ document, candidate }: FitRow): string | null => {
  const tested = document.tested.find(({ name }) => name === candidate.name);
  return tested === undefined ? null : testedWords(tested);
};

const lossText = ({ candidate: { loss } }: FitRow): string | null => loss && formatNats(loss, 3);

export const fitColumns: Columns<FitRow> = [
  ['part', partOf, { title: 'part' }],
  ['candidate', ({ candidate }) => candidate.name],
  ['model', null, { title: 'model', text: ({ document, candidate }) => candidateWords(candidate, document.experts) }],
  number('bytes', ({ candidate }) => candidate.bytes, 'size', formatBytes),
  number('memory', ({ candidate }) => candidate.memoryBytes, 'with context', formatBytes),
  ['items', ({ candidate }) => candidate.items, amount('items')],
  ['loss', ({ candidate }) => candidate.loss?.mean ?? null, amount('answer loss (nats)', lossText)],
  ['test', testOf, { title: 'test' }],
];

/** The best loss for growing bytes. */
export const fitCurve = (document: FitDocument): readonly ScoredCandidate[] => lossCurve(document.candidates);
