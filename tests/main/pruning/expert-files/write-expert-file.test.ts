import { describe, expect, it } from 'vitest';
import { readExpertFile } from '../../../../main/pruning/expert-files/read-expert-file.ts';
import { expertFileText } from '../../../../main/pruning/expert-files/write-expert-file.ts';

const model = { name: 'small', experts: 4, layers: [0, 1] };
const target = { moeLayers: 2, experts: 4, topK: 1 };
const plan = {
  method: 'reap',
  kept: [
    [1, 3],
    [0, 1],
  ],
};
const uneven = { kept: [[1, 3], [0]] };
const merge = { groups: [], router: 'reference-row' as const, align: true };

describe('expertFileText', () => {
  it('writes lists of all experts, those that stay first, and the ratio beside them', () => {
    const { text, note } = expertFileText(plan, 'expert-list', model);
    expect(text).toBe('{"0":[1,3,0,2]}\n{"1":[0,1,2,3]}\n');
    expect(note).toBe('expert_prune_ratio: 0.5');
    expect(readExpertFile(text, 'back', target)).toMatchObject({ kind: 'ranking' });
  });

  it('writes masks that are read back as the plan', () => {
    const { text, note } = expertFileText(uneven, 'mask', model);
    expect([text, note]).toEqual(['[[0,1,0,1],[1,0,0,0]]\n', null]);
    expect(readExpertFile(text, 'back', target)).toEqual({ kind: 'plans', plans: [uneven] });
  });

  it('writes the plan itself', () => {
    const { text } = expertFileText(plan, 'plan', model);
    expect(JSON.parse(text)).toEqual(plan);
  });

  it('refuses plans that a format cannot express', () => {
    const recovery = { weights: '0'.repeat(32), tasks: [], items: 1, tokens: 1, layers: [] };
    expect(() => expertFileText(uneven, 'expert-list', model)).toThrow('keeps different numbers');
    expect(() => expertFileText(plan, 'expert-list', { ...model, layers: [1, 2] })).toThrow('dense layers');
    expect(() => expertFileText(merge, 'mask', model)).toThrow('merges');
    expect(() => expertFileText({ ...plan, recovery }, 'mask', model)).toThrow('contains no weights');
    expect(() => expertFileText({ ...plan, recovery }, 'plan', model)).not.toThrow();
  });
});
