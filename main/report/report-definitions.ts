import { methodOfLabel } from '../contract/method.ts';
import { profileMetrics } from '../figures/profile-matrices.ts';
import { methods } from '../pruning/methods.ts';
import { html, type HtmlNode } from './html.ts';
import type { ReportSource } from './report-source.ts';

type Definition = readonly [term: string, text: string];

const measured: readonly Definition[] = [
  ['Expert, E, top-k', 'A feed-forward block of a sparse mixture layer. E: experts per layer before pruning; the router sends each token to k of them.'],
  ['Pruning factor', 'Experts before / experts after, per layer: E / E\u2032. A factor of 2 keeps half. Never below top-k experts.'],
  ['Accuracy', 'Share of test items whose right answer has the highest log-likelihood of all choices: summed over its tokens (acc), or divided by its characters (acc_norm).'],
  ['Perplexity', 'exp of the mean negative log-likelihood per token; lower is better.'],
  ['n', 'Test items. Calibration items, which profiles and plans come from, are never among them.'],
  ['Difference', 'Value of the pruned model minus value of the unpruned one, on the same items.'],
  ['95 % interval', 'Of the difference, two-sided, paired: Tango\u2019s score interval for paired proportions (1998); for perplexity a paired bootstrap over texts (2,000 resamples, seeded).'],
  ['p', 'Two-sided exact McNemar test: the chance of so uneven a split of lost and gained items if pruning changed nothing. Not corrected for the number of tests.'],
  ['Lost, gained', 'Items that only the unpruned model, or only the pruned model, answers rightly.'],
  ['Several seeds', 'A method that draws at random is measured with each seed. Curves show mean and range; its threshold counts a factor as safe only if it is safe for every seed.'],
];

const ofFamily: readonly Definition[] = [
  ['Rises with E', 'A task counts as rising if more pairs of models that differ in E have the larger model\u2019s bracket entirely above the smaller one\u2019s than entirely below it. Brackets that overlap take no side, nor does a smaller model that is safe as far as it was pruned: it hides how far it might have gone.'],
  ['Sign test over tasks', 'Exact, two-sided: the chance that tasks which take a side split so unevenly if either side were as likely. It is about these models; tasks of one model share the luck of its training.'],
  ['Ways to hand the sizes out', 'An exact permutation test over whole models (Jonckheere\u2019s statistic summed over tasks): it asks whether a trend could be chance in training. With few trained models it cannot rule that out.'],
  ['Past the threshold', 'The factor from E to E\u2032 is at or beyond the first unsafe one of the larger model, for this task and method.'],
];

const list = (definitions: readonly Definition[]): HtmlNode =>
  html(
    'dl',
    { class: 'definitions' },
    ...definitions.map(([term, text]) => html('div', {}, html('dt', {}, term), html('dd', {}, text))),
  );

const methodDefinitions = (names: readonly string[]): Definition[] =>
  [...new Set(names.map((name) => methodOfLabel(name).method))].flatMap((method): Definition[] => {
    if (method === null) return [];
    const { title, summary, formula, source } = methods[method];
    return [[`${method}: ${title}`, `${summary} ${formula}. ${source}`]];
  });

const recoveryDefinition: Definition = [
  'Recovered (+recovery)',
  'The same plan with the down projections of its experts refitted on the task\u2019s calibration items, layer by layer, by ridge regression on what the pruned block lacks of the unpruned one; the ridge is chosen by two-fold cross-validation. No training.',
];

/** What every number of the page is: measurements, the threshold rule, methods, routing statistics. */
export const definitionSection = ({ family, profiles }: ReportSource): HtmlNode[] => [
  html('h3', {}, 'Measurements'),
  list([...measured, ['Safe, threshold', family.rule], ...(family.trends.length > 0 ? ofFamily : [])]),
  html('h3', {}, 'Methods'),
  list([...methodDefinitions(family.methods), ...(family.methods.some((name) => methodOfLabel(name).isRecovered) ? [recoveryDefinition] : [])]),
  ...(profiles.length === 0
    ? []
    : [html('h3', {}, 'Routing statistics'), list(profileMetrics.map(({ title, unit }): Definition => [title, `${unit}.`]))]),
];
