/** What a number on the screen means. `formula` is plain text, read by screen readers as it stands. */
export interface DefinitionText {
  readonly term: string;
  readonly text: string;
  readonly formula?: string;
}

const define = <K extends string>(
  definitions: Readonly<Record<K, DefinitionText>>,
): Readonly<Record<K, DefinitionText>> => definitions;

/** Every definition that the window shows, in one place. */
export const definitions = define({
  share: {
    term: 'Share of tokens',
    text: 'How often the router chose this expert: tokens whose top-k holds it, over all real tokens of the calibration items. The shares of a layer add up to k.',
    formula: 'n_e / T,  n_e = |{t : e in top-k(t)}|',
  },
  gate: {
    term: 'Gate mass',
    text: 'The weight the router gives this expert, averaged over all tokens (0 where it was not chosen), by the model’s own routing rule.',
    formula: '(1/T) Σ g_{t,e} over tokens that chose e',
  },
  reap: {
    term: 'REAP saliency (mean)',
    text: 'Gate weight times the length of the expert’s output, averaged over the tokens that chose it; 0 for an expert that no token chose.',
    formula: '(1/n_e) Σ g_{t,e} ‖f_e(x_t)‖₂',
  },
  ean: {
    term: 'Activation norm (EAN)',
    text: 'Length of the expert’s own, ungated output, averaged over the tokens that chose it.',
    formula: '(1/n_e) Σ ‖f_e(x_t)‖₂',
  },
  difference: {
    term: 'Difference to another task',
    text: 'Value on the task in focus minus value on the other task, expert by expert. Orange: used more here; blue: used more there.',
  },
  effectiveExperts: {
    term: 'Effective experts',
    text: 'How many equally used experts would spread the tokens as evenly as this layer does: the exponential of the entropy of the token shares.',
    formula: 'exp(−Σ q_e ln q_e),  q_e = n_e / Σ n_e',
  },
  rank: {
    term: 'Rank in layer',
    text: 'Place of the expert among all experts of its layer by the metric on screen; 1 is the largest. Equal values: the lower expert number comes first.',
  },
  shareOfLayer: {
    term: 'Share of the layer',
    text: 'The expert’s value over the sum of its layer, by the metric on screen.',
  },
  tokensRouted: {
    term: 'Tokens routed here',
    text: 'n_e: real tokens of the calibration items whose top-k holds this expert. Padding never counts.',
  },
  fate: {
    term: 'Fate by method and factor',
    text: 'What the methods ticked for the sweep would do with this expert at each factor, for the task in focus: kept (●), dropped (hatched), or merged into the expert whose number is shown.',
  },
  factor: {
    term: 'Pruning factor',
    text: 'Experts before over experts after, per MoE layer. ×2 halves them. At least top-k experts always stay.',
    formula: 'E / E′',
  },
  keptExperts: { term: 'Kept experts', text: 'Experts that remain in each MoE layer after pruning (E′).' },
  method: { term: 'Method', text: 'How the experts that stay are chosen, or how they are merged.' },
  budget: {
    term: 'Budget',
    text: 'How kept experts are shared among layers. Uniform: the same number in every layer. Global: layers compete, and the experts with the highest scores (each divided by its layer’s sum) stay. Inverse importance: layers in which single experts matter less give up more; this looks at what leaving out experts does, and so needs more than a plain profile. By hand: a number for every layer. Stock loaders open only exports whose layers keep the same number.',
  },
  layerCounts: {
    term: 'Kept experts by layer',
    text: 'Experts that stay in each MoE layer, from top-k to all. Moving the factor sets all layers alike again.',
  },
  protect: {
    term: 'Super experts',
    text: 'Few experts with extreme outputs, without which some models break. Protected ones stay whatever the method says: those of the first three quarters of the layers, or of all. Finding them needs the largest outputs of experts, which profiles hold only when asked.',
  },
  pins: {
    term: 'Pins',
    text: 'Experts that must stay or must go, whatever the method says. Merges leave an expert that must stay alone, and give one that must go no weight. Plans of sweeps know no pins.',
  },
  taskWeights: {
    term: 'Task weights',
    text: 'How much each task counts in a plan for several: the scores of each task are divided by their sum per layer, then weighted and added.',
    formula: 'S_e = Σ_t w_t s_{t,e} / Σ_i s_{t,i}',
  },
  importedPlan: {
    term: 'Imported plan',
    text: 'A plan file says itself which experts stay or merge: method, factor, budget and pins do not count while it is shown.',
  },
  importedRanking: {
    term: 'Imported ranking',
    text: 'A file with the experts of each MoE layer, best first. The factor (or a number by layer) says how many of them stay; pins count, the method does not.',
    formula: '{"0": [3, 1, …], "1": […]}',
  },
  search: {
    term: 'Search',
    text: 'Such a method proposes plans and measures each on the calibration items, within a budget of evaluations that is one of its options, or goes layer by layer through the pruned model. The job bar tells how many candidates were measured, and the best so far.',
  },
  recovery: {
    term: 'Recovery without training',
    text: 'Refits the down projections of the experts that stay, by closed-form least squares on the task’s calibration items. Beside: each plan is measured as it is and recovered, as two curves. Instead: only recovered. It can also do nothing or hurt; a sweep with both says where.',
  },
  recoveredMark: {
    term: 'Recovered',
    text: 'The same plans with their down projections refitted on the calibration items, without training: same colour and shape, an open mark with a dot, another dash.',
  },
  madeFor: {
    term: 'Made for',
    text: 'The tasks whose calibration statistics the plan is made from. Several tasks are averaged per layer, by their weights.',
  },
  seed: { term: 'Seed', text: 'Start of the random draw. The same seed gives the same plan on every machine.' },
  totalParameters: { term: 'Total parameters', text: 'All weights of the checkpoint.' },
  expertParameters: { term: 'Expert parameters', text: 'Weights inside routed experts: what pruning can take away.' },
  activeParameters: {
    term: 'Active parameters',
    text: 'Weights used for one token: the dense parts, the router and top-k experts. Pruning experts takes away router rows only, as long as top-k stays.',
  },
  sizeBytes: { term: 'Size on disk', text: 'Bytes of the weight files, in powers of 1024.' },
  memory: {
    term: 'Memory needed',
    text: 'Resident: every block loaded at once. Streaming: one block at a time, slower, for models larger than memory.',
  },
  topK: { term: 'Top-k', text: 'Experts that the router chooses for each token.' },
  experts: { term: 'Experts', text: 'Routed experts in each MoE layer (E).' },
  layers: {
    term: 'Layers',
    text: 'Transformer blocks; those with experts are MoE layers and are numbered from 0 here.',
  },
  normTopK: {
    term: 'Gates renormalised',
    text: 'Whether the weights of the chosen experts are divided by their sum. Where they are not, kept experts get more weight after pruning.',
  },
  items: {
    term: 'Items',
    text: 'Test items are scored; calibration items only make profiles. The two never overlap.',
  },
  profiled: {
    term: 'Profile',
    text: 'Filled: routing statistics of the selected model on this task’s calibration items are on disk.',
  },
  chance: { term: 'Chance', text: 'Accuracy of guessing: the mean of 1 / choices over the test items.' },
  acc: {
    term: 'Accuracy (acc)',
    text: 'Share of items whose right choice has the largest log-likelihood, summed over its tokens after the context.',
    formula: 'argmax_c Σ log p(token | before)',
  },
  acc_norm: {
    term: 'Length-normalised accuracy (acc_norm)',
    text: 'Share of items whose right choice has the largest log-likelihood per character.',
    formula: 'argmax_c Σ log p / characters',
  },
  perplexity: {
    term: 'Perplexity',
    text: 'Exponential of the mean negative log-likelihood per token; lower is better.',
    formula: 'exp(−Σ log p / tokens)',
  },
  value: { term: 'Measured value', text: 'The task’s metric for this candidate, over the test items.' },
  pairedDifference: {
    term: 'Difference to unpruned',
    text: 'Candidate minus unpruned model on the same items, with its two-sided 95 % interval: Tango’s score interval for paired proportions (perplexity: paired bootstrap).',
  },
  oneSided: {
    term: 'One-sided lower end',
    text: 'Lower end of the one-sided 95 % interval of the difference. The threshold rule compares it with −δ.',
  },
  mcnemar: {
    term: 'p (exact McNemar)',
    text: 'Probability of a split of the changed items at least this uneven if pruning changed nothing on average; two-sided, exact.',
  },
  lostGained: {
    term: 'Lost and gained',
    text: 'Items that only the unpruned model answers rightly, and items that only the pruned one does.',
  },
  truncated: { term: 'Truncated', text: 'Items whose context was cut on the left to fit the model’s positions.' },
  delta: {
    term: 'Margin δ',
    text: 'The loss that is still called safe. A factor is safe if the lower end of the one-sided 95 % interval of the difference is at least −δ. Outcomes are stored, so moving δ needs no inference.',
  },
  threshold: {
    term: 'Threshold',
    text: 'The largest tested factor such that it and every smaller tested factor are safe (fixed-sequence testing, so no further correction). The bracket names the last safe and the first unsafe factor.',
  },
  bracket: {
    term: 'Bracket',
    text: 'From the largest safe factor to the first unsafe one. The threshold lies somewhere between the two; an adaptive sweep narrows it. Open (…) where every tested factor is safe.',
    formula: '[last safe, first unsafe)',
  },
  largestTested: {
    term: 'Tested up to',
    text: 'The largest factor that was measured: a model cannot be pruned below top-k experts.',
  },
  risesWithExperts: {
    term: 'Rises with E',
    text: 'A task counts as rising if more pairs of models that differ in E have the larger model’s bracket entirely above the smaller one’s than entirely below it. Brackets that overlap take no side.',
  },
  signTest: {
    term: 'p (sign test over tasks)',
    text: 'The chance that tasks which take a side would split at least this unevenly if either side were as likely; two-sided, exact. It is about these models: tasks of one model share the luck of its training.',
  },
  verdict: {
    term: 'Verdict',
    text: 'Whether the data bear out what the chart asks. Supported: yes, more often than chance. Opposed: the reverse. Mixed: both happen, or the methods differ. No change seen: neither happens. Cannot tell: too little to tell from chance.',
  },
  scratchDifference: {
    term: 'Pruned minus from scratch',
    text: 'Accuracy of a large model pruned to E′ experts minus accuracy of a model trained with E′, on the same items, with its two-sided 95 % interval: Tango’s score interval for paired proportions (perplexity: paired bootstrap).',
  },
  pastThreshold: {
    term: 'Past the threshold',
    text: 'Whether the factor from E to E′ is at or beyond the first unsafe one of the larger model, for this task and method.',
  },
  methodDifference: {
    term: 'Difference between methods',
    text: 'Method minus reference on the same items, with its two-sided 95 % interval: Tango’s score interval for paired proportions (perplexity: paired bootstrap). Of a method with draws: the mean over draws, and an interval from the lowest to the highest end of the draws’ own.',
  },
  compareReference: {
    term: 'Reference',
    text: 'What the differences are to: on each task the method with the best value, or one and the same everywhere. The best is chosen by the same items that it is compared on, so a small lead is partly luck; a fixed reference has none of that.',
  },
  compareReading: {
    term: 'Better, worse, cannot tell',
    text: 'Better (▲) or worse (▼) than the reference: the paired 95 % interval leaves out 0, for every draw of a method with seeds. Cannot tell (?): it holds 0.',
  },
  sharesBest: {
    term: 'Best, or not distinguishable (=)',
    text: 'The method with the best value on the task, and every method whose paired 95 % interval against it holds 0. They share the first place as far as the items can tell.',
  },
  meanRank: {
    term: 'Mean rank',
    text: 'Mean over tasks of the method’s place by value (1: best; equal values share the mean of their places), over the tasks on which every method is measured. The interval is the 95 % percentile interval of 1000 seeded resamples of the items of each task: it is about other items of these tasks, not about other tasks.',
  },
  holm: {
    term: 'p after Holm',
    text: 'The exact McNemar p, corrected for the number of comparisons on screen that have one (Holm’s step-down procedure). The intervals themselves are not corrected.',
  },
  methodLostGained: {
    term: 'Lost and gained',
    text: 'Items that only the reference answers rightly, and items that only this method does; means over pairs of draws.',
  },
  recoveryDifference: {
    term: 'With and without recovery',
    text: 'Recovered plan minus the same plan as it is (same method, task, factor and seed), on the same items, with the paired 95 % interval. Better or worse where it leaves out 0; else recovery did nothing that the items could tell.',
  },
  reproduction: {
    term: 'Reproduction',
    text: 'The sweep computed again without any stored step, then compared: every value, every item’s answer, every threshold. On another kind of processor an item may flip; it is then listed with both scores.',
  },
  cannotTell: {
    term: 'Cannot tell',
    text: 'Too few items: even a candidate that answered every item as the unpruned model does could not be called safe at this δ.',
  },
  unprunedLine: { term: 'Unpruned', text: 'The unpruned model on the same items.' },
  marginLine: { term: 'Unpruned − δ', text: 'A candidate whose one-sided interval stays above this line is safe.' },
  candidates: {
    term: 'Candidates',
    text: 'Pruned models to measure: methods × factors above 1 × seeds (of methods that draw at random), twice with recovery beside, made separately for each task, plus the unpruned model. Factors that an adaptive sweep adds come on top.',
  },
  adaptive: {
    term: 'Adaptive',
    text: 'After the listed factors, bisects the number of kept experts between the last safe and the first unsafe factor, until they are neighbours.',
  },
  limit: { term: 'Item limit', text: 'Use only the first n test items of each task. Fewer items, wider intervals.' },
  seeds: {
    term: 'Seeds',
    text: 'Draws per factor of methods that depend on chance (their pages say so); each is a candidate of its own.',
  },
  logitDifference: {
    term: 'Largest logit difference',
    text: 'Largest absolute difference of float32 logits between the masked (or merged) original and the reopened export, over all probe tokens.',
  },
  sameExperts: {
    term: 'Same experts',
    text: 'Whether every token chose the same experts, after renumbering, at every MoE layer.',
  },
  sameTensors: {
    term: 'Same tensors',
    text: 'Whether every tensor of the export is byte for byte the plan’s slice of the source (merged experts: recomputed).',
  },
  deviceName: { term: 'Device', text: 'What the provider runs on, as far as the system tells it.' },
  deviceDeviation: {
    term: 'Deviation from the processor',
    text: 'Largest relative difference of a small block’s and the scoring head’s outputs from the processor’s. More than 1e-3 is refused, and so is a device that routes a token to other experts.',
    formula: 'max |x − x_cpu| / max(1, |x_cpu|)',
  },
  devicePrecision: { term: 'Precision', text: 'Every graph computes in float32, whatever its weights are stored in.' },
  nodesOnCpu: {
    term: 'Nodes on the processor',
    text: 'Part of the probe’s nodes that onnxruntime placed on the processor all the same, read from its profile; copies between the two memories are not counted.',
  },
  operatorsOnCpu: {
    term: 'Operators on the processor',
    text: 'Which operators the provider left to the processor, with how many nodes.',
  },
  blockTime: {
    term: 'Time of a small block',
    text: 'Median over warm runs of the probe’s block, on one thread. It is too small to tell how a large model would do.',
  },
  computedOn: {
    term: 'Computed on',
    text: 'The device that the run’s manifest records: provider, precision, threads, and what its probe found.',
  },
  fingerprint: {
    term: 'Fingerprint',
    text: 'Hash of the configuration, the tensor headers and sampled weights. Equal fingerprints: the same model.',
  },
});

export type DefinitionName = keyof typeof definitions;
