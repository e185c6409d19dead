import type { FamilyDocument, FamilyModel, FamilyThreshold } from '../contract/family.ts';
import { html, htmlAll, type HtmlContent, type HtmlNode } from './html.ts';
import { printedFactor } from './report-numbers.ts';

/** "[2, 4)": safe up to and with 2, no longer safe at 4; open where nothing larger was tested. */
const bracketText = ({ lastSafe, firstUnsafe }: FamilyThreshold): string =>
  lastSafe === null ? '' : `[${printedFactor(lastSafe)}, ${firstUnsafe === null ? '\u2026' : printedFactor(firstUnsafe)})`;

const factorText = ({ lastSafe, verdict }: FamilyThreshold): string => {
  if (lastSafe === null) return '?';
  return verdict === 'all-safe' ? `\u2265 ${printedFactor(lastSafe)}` : printedFactor(lastSafe);
};

/** Deeper tint for higher thresholds, one step per doubling; the number says the same. */
const cellOf = (threshold: FamilyThreshold | undefined): HtmlNode => {
  if (threshold === undefined) return html('td', { class: 'number' }, '\u2013');
  const level = Math.min(6, Math.log2(threshold.lastSafe ?? 1));
  return html(
    'td',
    { class: 'number level', style: `--level:${Math.round(level * 100) / 100}` },
    html('b', {}, factorText(threshold)),
    html('small', {}, threshold.lastSafe === null ? '' : ` ${bracketText(threshold)}`),
  );
};

const headOf = ({ name, experts }: FamilyModel): HtmlContent => htmlAll([name, html('small', { class: 'size' }, `E = ${experts}`)]);

const itemsText = (thresholds: readonly FamilyThreshold[]): string => {
  const items = [...new Set(thresholds.map(({ n }) => n))].sort((a, b) => a - b);
  return items.length === 0 ? '' : items.length === 1 ? String(items[0]) : `${String(items[0])}\u2013${String(items.at(-1))}`;
};

const matrix = (method: string, { models, tasks, thresholds }: FamilyDocument): HtmlNode => {
  const own = thresholds.filter((one) => one.method === method);
  return html(
    'table',
    {},
    html('caption', {}, html('b', {}, method)),
    html(
      'thead',
      {},
      html(
        'tr',
        {},
        html('th', { scope: 'col' }, htmlAll(['task', html('small', { class: 'size' }, 'test items')])),
        ...models.map((model) => html('th', { scope: 'col', class: 'number' }, headOf(model))),
      ),
    ),
    html(
      'tbody',
      {},
      ...tasks.map((task) => {
        const ofTask = own.filter((one) => one.task === task);
        return html(
          'tr',
          {},
          html('th', { scope: 'row' }, htmlAll([task, html('small', {}, ` ${itemsText(ofTask)}`)])),
          ...models.map(({ name }) => cellOf(ofTask.find(({ model }) => model === name))),
        );
      }),
    ),
  );
};

/** Models up to which two tables fit beside each other, on paper and on a screen. */
const PAIRED_ON_PAPER = 2;
const PAIRED_ON_SCREEN = 4;
const matricesClass = (models: number): string =>
  models <= PAIRED_ON_PAPER ? 'matrices' : models <= PAIRED_ON_SCREEN ? 'matrices many' : 'matrices single';

/** The matrix models x tasks of threshold factors, one table per method, with what a cell says. */
export const thresholdMatrices = (family: FamilyDocument): HtmlNode =>
  html(
    'div',
    {},
    html(
      'p',
      { class: 'muted' },
      'Bold: the threshold. Beside it the bracket [last safe, first unsafe): between the two no factor was tested. \u2265: every ' +
        'tested factor is safe, so the threshold is this or more. 1: no tested factor is safe. ?: it cannot be told, for want ' +
        'of items. For a method that draws at random, safe means safe for every draw.',
    ),
    html('div', { class: matricesClass(family.models.length) }, ...family.methods.map((method) => matrix(method, family))),
  );
