import { expect, test } from 'vitest';
import { withoutQuestionText } from '../../../../renderer/features/tasks/sample-dialog.tsx';

const stated = { withoutQuestion: { 'uncurl-8': 0.24, 'uncurl-16': 0.2833 } };

test('accuracy without the question is that of the selected model, or the range over the named models', () => {
  expect(withoutQuestionText(stated, 'uncurl-8')).toBe('24.0\u202f% (uncurl-8)');
  expect(withoutQuestionText(stated, 'mine')).toBe('24.0–28.3\u202f% (2 models)');
  expect(withoutQuestionText({ withoutQuestion: { a: 0.5 } }, null)).toBe('50.0\u202f% (a)');
  expect(withoutQuestionText({ withoutQuestion: {} }, 'uncurl-8')).toBeNull();
});
