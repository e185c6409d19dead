import { define } from './definition-text.ts';

/** What the panel tells of one expert by itself. */
export const singleExperts = define({
  takenTokens: {
    term: 'Tokens it takes',
    text:
      'Tokens of the calibration items that the router sent here: most often; by the sum of their combine weights; ' +
      'or by surprise, the log-likelihood ratio (nats) that tells how surely a token is taken more often than the ' +
      'expert’s share of all tokens (Dunning 1993). Places shown are those of the largest weights.',
    formula: 'k ln(k / nq) + (n − k) ln((n − k) / n(1 − q))',
  },
  tokenClass: {
    term: 'Class of token',
    text:
      'Word start: letters behind anything but a letter or digit. Continuation: letters behind one. Digit, ' +
      'punctuation (symbols too) and white space: nothing else but leading space. Special: left out of plain text. ' +
      'Other: parts of characters and mixtures. The bar is the share of the class’s tokens that choose the expert, ' +
      'the mark that of all.',
  },
  tokenPosition: {
    term: 'Position',
    text:
      'Place of the token in its item, counted from 0, in octaves. The bar is the share of the tokens there that ' +
      'choose the expert, the mark that of all tokens.',
  },
  chosenTogether: {
    term: 'Chosen together with',
    text:
      'Experts of the layer that are in the top-k of the same tokens. The bar is the share of this expert’s tokens, ' +
      'the mark the other expert’s share of all tokens: what it would be if the two were chosen independently.',
  },
  likeByRouter: {
    term: 'By router logits',
    text:
      'Cosine of the two experts’ router logits over all calibration tokens, after each token’s mean logit is taken ' +
      'out: wanted for the same tokens.',
  },
  likeByOutput: {
    term: 'By outputs',
    text: 'Cosine of the two experts’ ungated outputs on the same token, averaged over all calibration tokens.',
  },
  likeByWeights: {
    term: 'By weights',
    text:
      'Cosine of all weights of the two experts (gate, up and down) as they are stored. Neurons are not matched: ' +
      'experts that compute the same in another order are not alike by this.',
  },
  damageAlone: {
    term: 'Its damage alone',
    text:
      'The test items of the task in focus answered with only this expert gone, against the unpruned model on the ' +
      'same items, with the two-sided 95 % interval of each expert by itself (Tango’s for accuracies): of twenty ' +
      'experts that change nothing, about one shows a difference.',
  },
});
