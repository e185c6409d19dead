import { define } from './definition-text.ts';

/** Numbers of a single expert. */
export const singleExperts = define({
  takenTokens: {
    term: 'Tokens it takes',
    text:
      'Tokens of the calibration items that the router sent to this expert: by count, by the sum of their combine ' +
      'weights, or by surprise. Surprise is the log-likelihood ratio (in nats) of choosing the expert more often ' +
      'for this token than for all tokens (Dunning 1993). The contexts shown are those with the largest weights.',
    formula: 'k ln(k / nq) + (n − k) ln((n − k) / n(1 − q))',
  },
  tokenClass: {
    term: 'Class of token',
    text:
      'Word start: letters that do not follow a letter or digit. Continuation: letters that follow one. ' +
      'Digit, punctuation, white space: nothing else, apart from a leading space. Special: left out of plain ' +
      'text. Other: parts of characters, and mixtures. The bar is the share of the class’s tokens that choose ' +
      'the expert; the mark, of all tokens.',
  },
  tokenPosition: {
    term: 'Position',
    text:
      'Position of the token in its item, counted from 0, in octaves. The bar is the share of the tokens at these ' +
      'positions that choose the expert; the mark is that share over all tokens.',
  },
  chosenTogether: {
    term: 'Chosen together with',
    text:
      'Experts of the layer in the top-k of the same tokens. The bar is the share of this expert’s tokens; the mark ' +
      'is the other expert’s share of all tokens, which the bar would equal if the two were chosen independently.',
  },
  likeByRouter: {
    term: 'By router logits',
    text:
      'Cosine of the two experts’ router logits over all calibration tokens, after subtracting each token’s mean ' +
      'logit. High for experts that are wanted by the same tokens.',
  },
  likeByOutput: {
    term: 'By outputs',
    text: 'Cosine of the two experts’ ungated outputs on the same token, averaged over all calibration tokens.',
  },
  likeByWeights: {
    term: 'By weights',
    text:
      'Cosine of all weights of the two experts (gate, up and down) as stored. Neurons are not matched, so two ' +
      'experts with the same function but a different order of neurons do not look alike here.',
  },
  damageAlone: {
    term: 'Damage of this expert',
    text:
      'The test items of the task in focus, answered with only this expert removed, compared with the unpruned ' +
      'model on the same items. The two-sided 95 % interval is for each expert separately (Tango’s for accuracies): ' +
      'about one in twenty experts without any effect will show a difference.',
  },
});
