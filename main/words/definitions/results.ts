import { besideTexts } from '../beside.ts';
import { define } from './definition-text.ts';

/** Measurements of sweeps; thresholds and comparisons. */
export const results = define({
  value: { term: 'Measured value', text: 'The task’s metric for this candidate, over the test items.' },
  pairedDifference: {
    term: 'Difference to unpruned',
    text:
      'Candidate minus unpruned model on the same items, with its two-sided 95 % interval: Tango’s score interval ' +
      'for paired proportions, widened so that it excludes 0 on either side with probability at most 2.5 % if ' +
      'nothing changed (perplexity: paired bootstrap, nominal level: see One-sided ends).',
  },
  oneSided: {
    term: 'One-sided lower end',
    text:
      'Lower end of the one-sided 95 % interval of the difference, which the threshold rule compares with −δ. It is ' +
      'Tango’s limit at the critical score of the exact test at δ, so it changes slightly with δ.',
  },
  oneSidedEnds: {
    term: 'One-sided ends',
    text:
      'Difference to the unpruned model with its two-sided 95 % interval, and the one-sided 95 % lower end, which ' +
      'decides. Safe: that end is at least −δ. Unsafe, or worse: the one-sided upper end is below −δ. Cannot tell: ' +
      'neither. Wrong in at most 5 % of cases; for perplexity 5 % is nominal (documentation: verdicts).',
  },
  firstDifference: { term: 'First difference', text: besideTexts.firstDifference },
  tokenCursor: { term: 'At one token', text: besideTexts.trace },
  tokenProbability: { term: 'Probability of a token', text: besideTexts.probability },
  usedExperts: { term: 'Experts used', text: besideTexts.usedExperts },
  newTokens: {
    term: 'New tokens',
    text:
      'The most tokens that each model writes. Fewer come where an end token does, or where the prompt leaves fewer ' +
      'of the model’s positions.',
  },
  mcnemar: {
    term: 'p (exact McNemar)',
    text:
      'Probability of a split of the changed items at least this uneven if pruning changed nothing on average; ' +
      'two-sided and exact, and not corrected for the number of tests.',
  },
  lostGained: {
    term: 'Lost and gained',
    text: 'Items that only the unpruned model answers correctly, and items that only the pruned model does.',
  },
  truncated: { term: 'Truncated', text: 'Items whose context was cut on the left to fit the model’s positions.' },
  ended: {
    term: 'Ended',
    text:
      'Share of the written texts that end by a stop string or an end token. The others run out of tokens, in a loop ' +
      'or not.',
  },
  looped: {
    term: 'Looped',
    text:
      'Share of the written texts that run out of tokens in a loop: the end of the text repeats a period of 1 to 64 ' +
      'tokens at least four times and over at least 32 tokens, or fewer than a tenth of the trigrams in its last 128 ' +
      'tokens are new.',
  },
  endsAsOften: {
    term: 'Ends as often',
    text:
      'The largest tested factor such that at it and every smaller tested factor the share of texts that end is not ' +
      'lower than the unpruned model’s by more than δ: the threshold rule, with “ended” in place of “right”. Each is ' +
      'tested at 5 % by itself, also where accuracies are read familywise.',
  },
  afterSelection: {
    term: 'After selection',
    text:
      'The best of several methods, chosen after seeing them, is safe by mistake more often than each. “After ' +
      'selection” tests each method at 5 % divided by the number of methods (Bonferroni): whichever is chosen, it is ' +
      'safe by mistake in at most 5 %. All measured methods count, also those that are hidden.',
  },
  everywhere: {
    term: 'Safe everywhere',
    text:
      'The largest tested factor such that plans made for this task are safe at it, and at every smaller ' +
      'tested factor, on every task of the sweep. A plan that is unsafe on some task is called safe ' +
      'everywhere with a chance of at most 5 %. Tasks where the unpruned model has nothing to lose do not ' +
      'count.',
  },
  calibrationDraw: {
    term: 'Calibration draw',
    text:
      'The calibration items drawn again with replacement (whole passages where items share them), and the ' +
      'plan made from them, measured on the same test items. The spread is the standard deviation over draws. ' +
      'Each draw has a verdict and a threshold of its own; draws are never pooled.',
  },
  inCommon: {
    term: 'In common',
    text:
      'Share of the experts that the plan of all calibration items keeps which the plan of a draw keeps too, mean ' +
      'over draws; of merging methods, the share of its pairs of experts that are merged with each other. Two random ' +
      'choices of half of the experts have half in common.',
  },
  rankCorrelation: {
    term: 'Rank correlation',
    text:
      'Spearman’s rank correlation between the experts’ scores of a draw and those of all calibration items, in each ' +
      'layer; mean over layers and draws.',
  },
  fewTokens: {
    term: 'Experts with fewer than eight tokens',
    text:
      'Experts of all layers that fewer than eight tokens of the drawn items chose (a token counts as often as it ' +
      'was drawn), mean over draws. Their score means little: which of them is kept is chance.',
  },
  answerLoss: {
    term: 'Answer loss',
    text:
      'Log-probability (nats) that the right choice loses by pruning, mean over items with its 95 % interval ' +
      '(Student’s t over items or passages). A model may still choose right. Where few items lose much, the interval ' +
      'misses too often: on safe points in 25 % of draws of 50 items, 17 % of 150 and 11 % of 300, not in 5 %.',
    formula: 'mean of log p(right | unpruned) − log p(right | pruned)',
  },
  passAtK: {
    term: 'pass@k',
    text:
      'Share of items of which at least one of k texts is right, where each item was written several times ' +
      '(repeats): the unbiased estimate from all its texts. The table shows it for all of them; JSON also for 2, 4, ' +
      '8, .... The interval of the difference from the unpruned model is Student’s t over items.',
    formula: 'mean over items of 1 − C(texts − right, k) / C(texts, k)',
  },
  klToUnpruned: {
    term: 'KL',
    text:
      'Kullback–Leibler divergence (nats) of the pruned model’s next-token distribution q from the unpruned ' +
      'model’s p, mean over scored positions: the tokens of choices and texts, a shared prefix counted once; ' +
      'of written tasks, the tokens that the unpruned model wrote. As in llama.cpp’s perplexity tool. ' +
      'Intervals are Student’s t over items, or passages.',
    formula: 'mean of Σ p (log p − log q)',
  },
  reverseKl: {
    term: 'Reverse KL',
    text: 'KL with the two models exchanged: large where the pruned model expects tokens that the unpruned does not.',
    formula: 'mean of Σ q (log q − log p)',
  },
  otherToken: {
    term: 'Other token',
    text: 'Share of scored positions where the pruned model’s likeliest next token is not the unpruned model’s.',
  },
  acceptance: {
    term: 'Expected acceptance',
    text:
      'Chance that the unpruned model would accept a next token proposed by the pruned one in speculative sampling, ' +
      'mean over scored positions: 1 for equal distributions.',
    formula: 'mean of Σ min(p, q)',
  },
  familywise: {
    term: 'Familywise',
    text:
      'Controls the probability of calling any unsafe factor safe at 5 % for all curves of the sweep together: each ' +
      'is tested at 5 % divided by the number of curves (Bonferroni over model, task and method). Otherwise each ' +
      'threshold has its own 5 %.',
  },
  threshold: {
    term: 'Threshold',
    text:
      'The largest tested factor such that it and every smaller tested factor are safe (fixed-sequence testing, so ' +
      'no further correction). The bracket names the last factor that is safe and the first that is not.',
  },
  bracket: {
    term: 'Bracket',
    text:
      'From the largest safe factor to the first that is not safe; safety ends somewhere between. Open (…) if ' +
      'every tested factor is safe. Not safe need not mean worse: from the first worse factor on, the upper ' +
      'end of the interval is below −δ; factors that are neither safe nor worse are undecided.',
    formula: '[last safe, first not safe)',
  },
  largestTested: {
    term: 'Tested up to',
    text: 'The largest measured factor. A model cannot be pruned to fewer than top-k experts.',
  },
  risesWithExperts: {
    term: 'Rises with E',
    text:
      'A task counts as rising if, among pairs of models with different E, the larger model’s bracket lies entirely ' +
      'above the smaller one’s more often than entirely below. Overlapping brackets count for neither, nor does a ' +
      'smaller model that is safe as far as it was pruned: its threshold may be higher.',
  },
  slopeOverExperts: {
    term: 'Change per doubling of E',
    text:
      'Change of the difference to the unpruned model when the number of experts doubles, in points; above 0, ' +
      'a larger E loses less. Each model counts once: its mean over tasks and over the dropped shares that ' +
      'all models reach. The 95 % interval is that of a line fitted to the models (t with n − 2 degrees of ' +
      'freedom).',
  },
  relabelling: {
    term: 'p (relabelled models)',
    text:
      'Probability of a trend at least this strong if the number of experts did not matter: the sizes are ' +
      'reassigned to trained models in every other way, within each series of trainings. Two-sided, by method. ' +
      'Tasks share the luck of a training: they are no repeats. One training of four sizes gives at least 0.083.',
  },
  verdict: {
    term: 'Verdict',
    text:
      'Whether the data support the question of the chart. Supported: yes; for a trend over E, beyond chance in ' +
      'training; for pairs of models, for these models. Opposed: the reverse. Mixed: both happen, or the methods ' +
      'differ. No change seen: neither happens. Cannot tell: not distinguishable from chance.',
  },
  scratchDifference: {
    term: 'Pruned minus from scratch',
    text:
      'Accuracy of a large model pruned to E′ experts minus accuracy of a model trained with E′, on the same items, ' +
      'with its two-sided 95 % interval: Tango’s score interval for paired proportions (perplexity: paired ' +
      'bootstrap).',
  },
  pastThreshold: {
    term: 'Past the threshold',
    text:
      'Whether the factor from E to E′ is at or beyond the first factor that is not safe for the larger model, for ' +
      'this task and method.',
  },
  methodDifference: {
    term: 'Difference between methods',
    text:
      'Method minus reference on the same items, with its two-sided 95 % interval: Tango’s score interval for ' +
      'paired proportions (perplexity: paired bootstrap). For methods with several draws: the mean over draws, and ' +
      'an interval from the lowest to the highest end of the draws’ intervals.',
  },
  itemSlices: {
    term: 'Slices of items',
    text:
      'Items grouped by the item alone: thirds by length of the question, class of the right answer’s first token, ' +
      'and that token. A slice that differs shows what kind of items is lost; few items make wide intervals.',
  },
  comparedSizes: {
    term: 'Pruned or quantised',
    text:
      'The unpruned model at a type of weights against the mildest pruning by a method that fits into its bytes, on ' +
      'the same items: pruned minus quantised, with the two-sided 95 % interval. “Read alone” means that the ' +
      'interval excludes 0, but that all pairs of the sweep together (Holm, 5 %) do not show a difference.',
  },
  sliceDifference: {
    term: 'Difference on a slice',
    text:
      'Second model minus first on the slice’s items, with the two-sided 95 % interval of paired answers. Lost: ' +
      'right with the first model only; gained: with the second only.',
  },
  experimentMap: {
    term: 'Map of models of an experiment',
    text:
      'Every model that an experiment measured of one member on one task, trained ones among them, under what it was ' +
      'made from. The difference is to the unpruned model with the same treatment: trained alike where it is trained.',
  },
  modelMap: {
    term: 'Map of models',
    text:
      'Every measured model on one task: the unpruned one, each method’s plans under it, and under a plan what was ' +
      'made of it. Coloured by the verdict at the chosen margin; with draws, safe or unsafe only where every draw is.',
  },
  sweepsDifference: {
    term: 'Difference between sweeps',
    text:
      'The value in this sweep minus the value in the reference. If both used the same items, the 95 % interval is ' +
      'paired (Tango; bootstrap for perplexity); otherwise it is that of two independent samples (Newcombe, method ' +
      '10). For methods with several draws: the mean, and an interval that contains those of all draws.',
  },
  experimentDraws: {
    term: 'Draws',
    text:
      'Seeds from which an arm’s clusters were drawn (and its new router or training, if drawn). A ' +
      'sign is reported only if each draw has it by its own interval, and a factor holds only if it holds in ' +
      'every draw; otherwise the answer is “cannot tell”. A cell shows the mean, and an interval that ' +
      'contains all draws’.',
  },
  experimentSigns: {
    term: 'Better, worse, cannot tell',
    text:
      'Number of tasks on which the difference is above 0 (+) or below 0 (−) by its paired two-sided 95 % interval, ' +
      'in every draw if there are several, and the number on which the items cannot tell (?).',
  },
  experimentBySign: {
    term: 'By sign',
    text:
      'The paper’s own reading of its table: the largest tested factor up to which no difference is below 0, ' +
      'without intervals.',
  },
  experimentAbove: {
    term: 'Above',
    text:
      'Tasks whose published difference is above 0, out of those that the paper reports. These differences have no ' +
      'intervals.',
  },
  sweepsReference: { term: 'Value in the reference', text: 'The same candidate in the sweep that was created first.' },
  sweepsHolm: {
    term: 'p after Holm',
    text:
      'The exact McNemar p of a candidate on items of both sweeps, corrected for the number of all comparisons that ' +
      'have one (Holm’s step-down procedure).',
  },
  sweepsReading: {
    term: 'Better, worse, cannot tell',
    text:
      'Better (▲) or worse (▼) than in the reference: the 95 % interval of the difference excludes 0. Cannot tell ' +
      '(?): it contains 0.',
  },
  compareReference: {
    term: 'Reference',
    text:
      'The method that differences are relative to: the best method of each task, or the same method for all tasks. ' +
      'The best method is chosen on the same items that it is compared on, so a small lead is partly luck; a fixed ' +
      'reference avoids this.',
  },
  compareReading: {
    term: 'Better, worse, cannot tell',
    text:
      'Better (▲) or worse (▼) than the reference: the paired 95 % interval excludes 0. Cannot tell (?): it ' +
      'contains 0. For methods with several draws, each pair of draws has its own interval. A reading must hold for ' +
      'every pair; otherwise draws differ.',
  },
  sharesBest: {
    term: 'Best, or not distinguishable (=)',
    text:
      'The method with the best value on the task (the mean over draws), and every method of which no draw is worse ' +
      'by its paired 95 % interval. They share first place, as far as the items can tell.',
  },
  meanRank: {
    term: 'Mean rank',
    text:
      'The method’s rank by value (1 is best; equal values share the mean of their ranks), averaged over the tasks ' +
      'on which every method is measured. The interval is the 95 % percentile interval over 1000 seeded resamples ' +
      'of each task’s items: it covers other items of these tasks, not other tasks.',
  },
  holm: {
    term: 'p after Holm',
    text:
      'The exact McNemar p, corrected for the number of comparisons on screen that have one (Holm’s step-down ' +
      'procedure). The intervals themselves are not corrected.',
  },
  methodLostGained: {
    term: 'Lost and gained',
    text:
      'Items that only the reference answers correctly, and items that only this method does; means over pairs of ' +
      'draws.',
  },
  recoveryDifference: {
    term: 'With and without recovery',
    text:
      'Recovered plan minus the same plan without recovery (same method, task, factor and seed), on the same items, ' +
      'with the paired 95 % interval. Better or worse if the interval excludes 0; otherwise the items show no ' +
      'effect of recovery.',
  },
  reproduction: {
    term: 'Reproduction',
    text:
      'The sweep computed again without any stored step and then compared: every value, every item’s answer and ' +
      'every threshold. On a different kind of processor an item may flip; it is then listed with both scores.',
  },
  cannotTell: {
    term: 'Cannot tell',
    text:
      'Too few items: even a candidate that answered every item like the unpruned model could not be called safe at ' +
      'this δ.',
  },
  pooledPoints: {
    term: 'Points of other sweeps',
    text:
      'The sweep on screen has not measured these. They come from other sweeps of the same model and task with the ' +
      'same settings of plans and item limit; where several measured a point, the newest one is shown.',
  },
  unprunedLine: {
    term: 'Unpruned',
    text:
      'The unpruned model on the same items. It has nothing to lose where its accuracy is not above chance ' +
      '(exact binomial test at 5 %), or its exact one-sided 95 % lower limit is at most δ above chance (above ' +
      '0 for written answers). Pruned models then get no verdict, since they could lose everything within the ' +
      'margin.',
  },
  marginLine: { term: 'Unpruned − δ', text: 'A candidate whose one-sided interval stays above this line is safe.' },
  candidates: {
    term: 'Candidates',
    text:
      'Pruned models to measure: methods × factors above 1 × draws (for methods that depend on chance), plus one ' +
      'more for each refit measured beside the plan, for each task separately; and the unpruned model. Factors that ' +
      'an adaptive sweep adds are not included.',
  },
  candidateFolders: {
    term: 'Checkpoints',
    text:
      'Folders of pruned, merged or tuned copies, made here or elsewhere, that are measured beside the plans on the ' +
      'same items. Each is a curve of its name with one point: its own number of experts. They need the tokenizer of ' +
      'the model, and a sweep of one model.',
  },
  pointBytes: {
    term: 'Weights',
    text: 'Bytes of all weights in their stored types, and their share of the unpruned model’s; in powers of 1000.',
  },
  cacheBytes: {
    term: 'Cache per token',
    text: 'Bytes of the keys and values of one token in all layers, in float32. Pruning experts does not change it.',
  },
  promptSpeed: {
    term: 'Prompt speed',
    text:
      'Prompt tokens processed per second on the device of the sweep: one sequence, a random prompt of 128 tokens ' +
      '(fewer if the model has fewer positions), the median of three rounds.',
  },
  decodeSpeed: {
    term: 'Decode speed',
    text: 'Tokens generated per second after that prompt, one at a time, with cached keys and values; same rounds.',
  },
  runDuration: {
    term: 'Duration of a run',
    text:
      'Time from the creation of the run to its end, including waiting for other jobs and interruptions before it ' +
      'was resumed. Its log shows when computation began.',
  },
  equivalentCommand: {
    term: 'The same on the command line',
    text:
      'Starts a run with the same models, tasks, methods, factors, settings and device; what is at its ' +
      'default is left out. Files (methods, plans side by side) must lie in the current folder. The Python ' +
      'that computed or trained is left out: the workspace’s own environment is taken. An export takes the ' +
      'plan from the exported folder.',
  },
});
