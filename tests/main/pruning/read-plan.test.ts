import { describe, expect, it } from 'vitest';
import { MAX_PLAN_CHARACTERS, readPlan } from '../../../main/pruning/read-plan.ts';

const read = (text: string) => () => readPlan(text, 'my.json');

describe('readPlan', () => {
  it('reads the shortest plan and a full one', () => {
    expect(readPlan('{"kept": [[0, 1], [2]]}', 'my.json')).toEqual({ kept: [[0, 1], [2]] });
    const merge = {
      method: 'uncurl',
      groups: [[{ members: [0, 1], reference: 1, weights: [0, 2.5] }]],
      router: 'mean-row',
      align: true,
    };
    expect(readPlan(JSON.stringify(merge), 'my.json')).toEqual(merge);
  });

  it('reports where the text is not a plan', () => {
    expect(read('{"kept": [')).toThrow('my.json cannot be read: it is not JSON');
    expect(read('[[0, 1]]')).toThrow('it is not a JSON object');
    expect(read('{"experts": 4}')).toThrow('neither "kept" nor "groups"');
    expect(read('{"kept": [[0]], "groups": []}')).toThrow('both "kept" and "groups"');
    expect(read('{"kept": [[0], [1, -2]]}')).toThrow('kept.1.1');
    expect(read('{"kept": [[0], []]}')).toThrow('kept.1');
    expect(read('{"groups": [[{"members": [0], "reference": 0}]], "router": "mean-row", "align": true}')).toThrow(
      'groups.0.0.weights',
    );
    expect(read('{"kept": [["a", "b", "c", "d", "e"]]}')).toThrow('and 2 more');
    expect(read(' '.repeat(MAX_PLAN_CHARACTERS + 1))).toThrow('at most');
  });

  it.each([
    ['five million layers', `{"kept":[${'[0],'.repeat(5e6)}[0]]}`, 'at most'],
    ['three million layers', `{"kept":[${'[0],'.repeat(3e6)}[0]]}`, 'its lists contain more than'],
    ['a million empty layers', `{"kept":[${'[],'.repeat(1e6)}[0]]}`, 'its lists contain more than'],
    ['a layer of a million texts', `{"kept":[[${'"a",'.repeat(1e6)}0]]}`, 'its lists contain more than'],
    ['groups without members', `{"groups":[[${'{},'.repeat(1e6)}{}]]}`, 'its lists contain more than'],
    ['values nested a million deep', `{"kept":${'['.repeat(1e6)}${']'.repeat(1e6)}}`, 'nested deeper'],
  ])('refuses %s before it looks at each', (_, text, reason) => {
    expect(read(text)).toThrow(reason);
  });
});
