import { define } from './definition-text.ts';

/** What the panel tells of one expert by itself. */
export const singleExperts = define({
  damageAlone: {
    term: 'Its damage alone',
    text:
      'The test items of the task in focus answered with only this expert gone, against the unpruned model on the same ' +
      'items, with the two-sided 95 % interval of each expert by itself (Tango’s for accuracies): of twenty experts that ' +
      'change nothing, about one shows a difference.',
  },
});
