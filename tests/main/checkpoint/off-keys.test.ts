import { describe, expect, it } from 'vitest';
import { changesSomething, offValues } from '../../../main/checkpoint/config-keys.ts';
import { describeModel } from '../../../main/checkpoint/describe-model.ts';
import type { ModelDescriptor, TensorView } from '../../../main/checkpoint/descriptor.ts';
import { families } from '../../../main/checkpoint/families/families.ts';
import { familyOfConfig } from '../../../main/checkpoint/open-checkpoint.ts';
import { publishedNames } from '../../reference/published-keys.ts';
import { type PublishedFixture, publishedFixture, shapesOf } from '../../reference/published-fixture.ts';

/** A key of which a family has nothing may say so: another value is refused. */

const described = (
  fixture: PublishedFixture,
  name: string,
  changes: Readonly<Record<string, unknown>>,
): ModelDescriptor => {
  const family = familyOfConfig(fixture.config, name);
  const within = family.wrapper?.configKey;
  const config =
    within === undefined
      ? { ...fixture.config, ...changes }
      : { ...fixture.config, [within]: Object.assign({}, fixture.config[within], changes) };
  const tensors = [...shapesOf(fixture.tensors)].map(([tensor, { shape, dtype }]): [string, TensorView] => [
    tensor,
    { file: '', tensor, shape, dtype: dtype === 'I64' ? 'I64' : 'BF16', byteOffset: 0, byteLength: 0 },
  ]);
  return describeModel(family, config, new Map(tensors), name);
};

/** A value of the same type that says something. */
const otherThan = (value: unknown): unknown => {
  if (typeof value === 'boolean') return !value;
  return typeof value === 'number' ? value + 2 : [0];
};

describe.each(publishedNames())('keys of other families in a config of %s', (name) => {
  const fixture = publishedFixture(name);
  const family = familyOfConfig(fixture.config, name);
  const inner = family.wrapper === null ? fixture.config : Object.assign({}, fixture.config[family.wrapper.configKey]);
  const off = [...offValues(family)].filter(([key]) => !(key in inner));

  it('that say "off" change nothing', () => {
    const { unreadKeys: _, configKeys: __, ...plain } = described(fixture, name, {});
    const { unreadKeys: ___, configKeys: ____, ...same } = described(fixture, name, Object.fromEntries(off));
    expect(same).toEqual(plain);
  });

  it('that say anything else are refused by name, or read', () => {
    const opened = off.filter(([key, value]) => {
      try {
        return described(fixture, name, { [key]: otherThan(value) }).unreadKeys?.includes(key) === true;
      } catch (error) {
        expect(error).toMatchObject({ kind: 'refused', message: expect.stringContaining(`"${key}" is`) });
        return false;
      }
    });
    expect(opened.filter(([key]) => changesSomething(key)).map(([key]) => key)).toEqual([]);
  });
});

it('every key that may be off is one that some family reads', () => {
  const keys = new Set(families.flatMap((family) => [...offValues(family).keys()]));
  expect([...keys].filter((key) => !changesSomething(key))).toEqual([]);
});

/**
 * Keys that `save_pretrained` of transformers 5.24 adds to a config, and that change nothing beside the others; its
 * forms of the other families open too.
 */
const SAVED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  cohere2_moe: { sliding_window_pattern: 4 },
  kimi_linear: { mlp_layer_types: ['dense', 'sparse', 'sparse', 'sparse'] },
};

it.each(Object.entries(SAVED))('a config of %s that transformers has saved opens', (name, added) => {
  const fixture = publishedFixture(name);
  const { unreadKeys: _, configKeys: __, ...saved } = described(fixture, name, added);
  const { unreadKeys: ___, configKeys: ____, ...plain } = described(fixture, name, {});
  expect(saved).toEqual(plain);
});
