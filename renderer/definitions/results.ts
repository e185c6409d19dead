import { define } from './definition-text.ts';

/** What sweeps measure, and how thresholds and comparisons are read. */
export const results = define({
  value: { term: 'Measured value', text: 'The task’s metric for this candidate, over the test items.' },
  pairedDifference: {
    term: 'Difference to unpruned',
    text:
      'Candidate minus unpruned model on the same items, with its two-sided 95 % interval: Tango’s score interval ' +
      'for paired proportions, made so wide that it leaves out 0 on either side in at most 2.5 % where nothing ' +
      'changed (perplexity: paired bootstrap, nominal).',
  },
  oneSided: {
    term: 'One-sided lower end',
    text:
      'Lower end of the one-sided 95 % interval of the difference. The threshold rule compares it with −δ. It is ' +
      'Tango’s limit at the critical score of the exact test at δ, and moves a little with δ.',
  },
  oneSidedEnds: {
    term: 'One-sided ends',
    text:
      'Difference to the unpruned model, in points (of perplexity: minus the rise of log-perplexity), and both ' +
      'one-sided 95 % ends. Safe: the lower end is at −δ or above. Unsafe, or worse: the upper end lies below −δ. ' +
      'Cannot tell, or undecided: neither. The last two are not safe. The chance of calling safe what is worse by ' +
      'more than δ, or worse what is not, is at most 5 %: exactly for independent items; where items share passages ' +
      'in every simulation, since a passage may move as a whole. Of perplexity 5 % is nominal: 4 to 6 % of 50 to 300 ' +
      'texts with heavy tails, up to 14 % of 20.',
  },
  mcnemar: {
    term: 'p (exact McNemar)',
    text:
      'Probability of a split of the changed items at least this uneven if pruning changed nothing on average; ' +
      'two-sided, exact.',
  },
  lostGained: {
    term: 'Lost and gained',
    text: 'Items that only the unpruned model answers rightly, and items that only the pruned one does.',
  },
  truncated: { term: 'Truncated', text: 'Items whose context was cut on the left to fit the model’s positions.' },
  delta: {
    term: 'Margin δ',
    text:
      'The loss that is still called safe. A factor is safe if the lower end of the one-sided 95 % interval of the ' +
      'difference is at least −δ. Outcomes are stored, so moving δ needs no inference.',
  },
  familywise: {
    term: 'Familywise',
    text:
      'Tells thresholds so that the chance of naming any unsafe factor safe is at most 5 % for all curves of the ' +
      'sweep together: each is tested at 5 % divided by their number (Bonferroni over model, task and method). ' +
      'Otherwise each threshold is told at 5 % by itself.',
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
      'From the largest safe factor to the first that is not safe: how far safety reaches lies between the two; an ' +
      'adaptive sweep narrows it. Open (…) where every tested factor is safe. Not safe need not be worse: from the ' +
      'first worse factor on the upper end of the interval lies below −δ; what is neither is undecided.',
    formula: '[last safe, first not safe)',
  },
  largestTested: {
    term: 'Tested up to',
    text: 'The largest factor that was measured: a model cannot be pruned below top-k experts.',
  },
  risesWithExperts: {
    term: 'Rises with E',
    text:
      'A task counts as rising if more pairs of models that differ in E have the larger model’s bracket entirely ' +
      'above the smaller one’s than entirely below it. Brackets that overlap take no side.',
  },
  slopeOverExperts: {
    term: 'Change per doubling of E',
    text:
      'How the difference to the unpruned model moves as the number of experts doubles, in points; above 0 a larger E ' +
      'loses less. Each model counts once: its mean over tasks, and over every dropped share that was measured of any ' +
      'model and that all reach, read between two measured points. The 95 % interval is that of a line through the ' +
      'models (t with two degrees of freedom fewer than models). Four trainings cannot tell a trend from chance.',
  },
  relabelling: {
    term: 'p (relabelled models)',
    text:
      'The chance of a trend at least this strong if the number of experts did not matter: the sizes are handed out to ' +
      'the trained models in every other way, within each series of trainings. Two-sided, of each method by itself. ' +
      'Tasks count together, not as repeats: all tasks of a model share the luck of its training. With one training ' +
      'of four sizes p is at least 0.083.',
  },
  verdict: {
    term: 'Verdict',
    text:
      'Whether the data bear out what the chart asks. Supported: yes; of a trend over E, beyond chance in training; of ' +
      'pairs of models, for these models. Opposed: the reverse. Mixed: both happen, or the methods differ. No change ' +
      'seen: neither happens. Cannot tell: too little to tell from chance.',
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
      'Whether the factor from E to E′ is at or beyond the first that is not safe for the larger model, by this task ' +
      'and method.',
  },
  methodDifference: {
    term: 'Difference between methods',
    text:
      'Method minus reference on the same items, with its two-sided 95 % interval: Tango’s score interval for paired ' +
      'proportions (perplexity: paired bootstrap). Of a method with draws: the mean over draws, and an interval from ' +
      'the lowest to the highest end of the draws’ own.',
  },
  sweepsDifference: {
    term: 'Difference between sweeps',
    text:
      'The value in this sweep minus that in the reference. Where both asked the same items, the 95 % interval is ' +
      'paired (Tango; bootstrap for perplexity); where they asked different ones, it is that of two independent ' +
      'samples (Newcombe, method 10). Of a method with several draws: the mean, and an interval that holds all of ' +
      'theirs.',
  },
  experimentArm: {
    term: 'Arm',
    text:
      'What was done to a pruned member and to the one it is held against: nothing, a refit, fine-tuning on the task, ' +
      'or first a general stage on a mixture of tasks (without test items) and then the task. A new random router is ' +
      'drawn for the pruned member alone, before it is trained.',
  },
  experimentDraws: {
    term: 'Draws',
    text:
      'Seeds from which the clusters of an arm (and its new router, and its training where that is drawn too) were ' +
      'drawn. A sign is reported only where every draw has it by its own interval, a factor holds only if it holds in ' +
      'every draw; elsewhere it cannot be told. A cell shows the mean, an interval that holds those of all draws, and ' +
      'the lowest and highest difference.',
  },
  experimentSigns: {
    term: 'Better, worse, cannot tell',
    text:
      'On how many tasks the difference is above 0 (+) or below it (−) by its paired two-sided 95 % interval, in every ' +
      'draw where there are several, and on how many that cannot be told (?).',
  },
  experimentBySign: {
    term: 'By sign',
    text:
      'How the paper reads its own table: the largest tested factor up to which no bare difference is below 0, ' +
      'without any interval.',
  },
  experimentAbove: {
    term: 'Above',
    text: 'Tasks whose published difference is above 0, of those that the paper tells: differences without intervals.',
  },
  sweepsReference: { term: 'Value in the reference', text: 'The same candidate in the sweep that was made first.' },
  sweepsHolm: {
    term: 'p after Holm',
    text:
      'The exact McNemar p of a candidate on items that both sweeps asked, corrected for the number of all ' +
      'comparisons that have one (Holm’s step-down procedure).',
  },
  sweepsReading: {
    term: 'Better, worse, cannot tell',
    text:
      'Better (▲) or worse (▼) than in the reference: the 95 % interval of the difference leaves out 0. Cannot tell ' +
      '(?): it holds 0.',
  },
  compareReference: {
    term: 'Reference',
    text:
      'What the differences are to: on each task the method with the best value, or one and the same everywhere. The ' +
      'best is chosen by the same items that it is compared on, so a small lead is partly luck; a fixed reference ' +
      'has none of that.',
  },
  compareReading: {
    term: 'Better, worse, cannot tell',
    text:
      'Better (▲) or worse (▼) than the reference: the paired 95 % interval leaves out 0. Cannot tell (?): it holds 0. ' +
      'Of methods that draw, each pair of draws has its own interval, and a reading is that of every pair; where pairs ' +
      'say different things, draws differ.',
  },
  sharesBest: {
    term: 'Best, or not distinguishable (=)',
    text:
      'The method with the best value on the task (the mean over draws), and every method of which no draw is worse by ' +
      'its paired 95 % interval. They share the first place as far as the items can tell.',
  },
  meanRank: {
    term: 'Mean rank',
    text:
      'Mean over tasks of the method’s place by value (1: best; equal values share the mean of their places), over ' +
      'the tasks on which every method is measured. The interval is the 95 % percentile interval of 1000 seeded ' +
      'resamples of the items of each task: it is about other items of these tasks, not about other tasks.',
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
      'Items that only the reference answers rightly, and items that only this method does; means over pairs of ' +
      'draws.',
  },
  recoveryDifference: {
    term: 'With and without recovery',
    text:
      'Recovered plan minus the same plan as it is (same method, task, factor and seed), on the same items, with the ' +
      'paired 95 % interval. Better or worse where it leaves out 0; else recovery did nothing that the items could ' +
      'tell.',
  },
  reproduction: {
    term: 'Reproduction',
    text:
      'The sweep computed again without any stored step, then compared: every value, every item’s answer, every ' +
      'threshold. On another kind of processor an item may flip; it is then listed with both scores.',
  },
  cannotTell: {
    term: 'Cannot tell',
    text:
      'Too few items: even a candidate that answered every item as the unpruned model does could not be called safe ' +
      'at this δ.',
  },
  unprunedLine: { term: 'Unpruned', text: 'The unpruned model on the same items.' },
  marginLine: { term: 'Unpruned − δ', text: 'A candidate whose one-sided interval stays above this line is safe.' },
  candidates: {
    term: 'Candidates',
    text:
      'Pruned models to measure: methods × factors above 1 × draws (of methods that draw), once more for ' +
      'every refit of a recovery beside, made separately for each task, plus the unpruned model. Factors that an ' +
      'adaptive sweep adds come on top.',
  },
  adaptive: {
    term: 'Adaptive',
    text:
      'After the listed factors, bisects the number of kept experts between the last factor that is safe and the ' +
      'first that is not, until they are neighbours; then confirms what it found by every larger number, from the ' +
      'top.',
  },
  stopEarly: {
    term: 'Stop when told',
    text:
      'Finds thresholds instead of measuring curves: a candidate stops as soon as all items could only call it not ' +
      'safe, and a curve at its first such factor. Thresholds are those of all items; a candidate that stopped has ' +
      'no accuracy, and whether it is worse is left open. A sweep without it goes on from what is on disk.',
  },
  calibrateOn: {
    term: 'Calibrate on',
    text:
      'What profiles, searches and refits read after the question of a calibration item: its right answer, or what ' +
      'the unpruned model itself writes, right or wrong. The latter needs no answers, and costs one pass of writing.',
  },
  speed: {
    term: 'Speed',
    text:
      'Measures prompt and decode tokens per second of the unpruned model and of every plan, which is exported to a ' +
      'folder for it first and deleted after: the sweep takes longer.',
  },
  pointBytes: {
    term: 'Weights',
    text: 'Bytes of all weights in their stored types, and their share of the unpruned model’s; in powers of 1000.',
  },
  cacheBytes: {
    term: 'Cache per token',
    text: 'Bytes of the keys and values of one token in all layers, in float32. Pruning experts leaves it as it is.',
  },
  promptSpeed: {
    term: 'Prompt speed',
    text:
      'Prompt tokens read per second on the device of the sweep: one sequence, a random prompt of 128 tokens (fewer ' +
      'where the model has fewer positions), the median of three rounds.',
  },
  decodeSpeed: {
    term: 'Decode speed',
    text: 'Tokens written per second after that prompt, one at a time with cached keys and values; same rounds.',
  },
  runDuration: {
    term: 'Duration of a run',
    text:
      'From when the run was made to its end: what it waited for other jobs, and what it lay interrupted before it ' +
      'was resumed, are in it. Its log says when it began to compute.',
  },
  limit: { term: 'Item limit', text: 'Use only the first n test items of each task. Fewer items, wider intervals.' },
  seeds: {
    term: 'Draws',
    text:
      'How often methods that depend on chance are drawn (their pages say so: random experts, starts of k-means, ' +
      'searches): seeds 0, 1, 2, ... Each draw is a candidate of its own, with an interval of its own. A factor is safe ' +
      'over draws only if it is safe in every one: whoever prunes uses one draw, and cannot know which. Draws are never ' +
      'pooled, since that would count the same items several times.',
  },
});
