import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeModel } from '../../../main/checkpoint/describe-model.ts';
import type { MoeDescriptor } from '../../../main/checkpoint/descriptor.ts';
import type { Family } from '../../../main/checkpoint/families/family.ts';
import { gptOss } from '../../../main/checkpoint/families/mixtral.ts';
import { glm4Moe } from '../../../main/checkpoint/families/sigmoid-routers.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { checkpointFixture } from './checkpoint-files.ts';

/** A record names its family's keys and needs no other family's, neither in the config nor among its defaults. */

/** The first MoE layer of a fixture, read by `family`, with the keys of its config renamed (null: removed). */
const firstMoe = async (
  fixture: string,
  family: Family,
  renamed: Readonly<Record<string, string | null>>,
): Promise<MoeDescriptor> => {
  const folder = checkpointFixture(fixture);
  const text = await readFile(path.join(folder, 'config.json'), 'utf8');
  const config = Object.fromEntries(
    Object.entries(z.record(z.string(), z.unknown()).parse(JSON.parse(text))).flatMap(([key, value]) => {
      const name = key in renamed ? renamed[key] : key;
      return name === null || name === undefined ? [] : [[name, value]];
    }),
  );
  const { tensors } = await readSafetensorsHeader(path.join(folder, 'model.safetensors'));
  return describeModel(family, config, tensors, folder).moeLayers[0]?.moe ?? expect.fail('no layer has experts');
};

const without = (family: Family, ...keys: readonly string[]): Family['defaults'] =>
  Object.fromEntries(Object.entries(family.defaults).filter(([key]) => !keys.includes(key)));

describe('a family record', () => {
  it('of a sigmoid router without groups and scale needs no keys for them', async () => {
    const { routing } = glm4Moe;
    if (routing.kind !== 'scores') expect.fail('GLM-4.5 routes by scores');
    const absent = ['n_group', 'topk_group', 'routed_scaling_factor'];
    const family: Family = {
      ...glm4Moe,
      defaults: without(glm4Moe, ...absent),
      routing: { ...routing, scaleKey: null, groups: null },
    };
    const gone = Object.fromEntries(absent.map((key) => [key, null]));
    expect((await firstMoe('glm4_moe', family, gone)).routing).toMatchObject({
      score: 'sigmoid',
      scale: 1,
      groups: null,
    });
    // A record that names them refuses their absence by name.
    await expect(firstMoe('glm4_moe', { ...glm4Moe, defaults: family.defaults }, gone)).rejects.toThrow(
      '"routed_scaling_factor" is missing',
    );
  });

  it('of clamped experts names the keys of its limit and its slope', async () => {
    const family: Family = {
      ...gptOss,
      defaults: { ...without(gptOss, 'swiglu_limit', 'swiglu_alpha'), clamp: 5, slope: 1.5 },
      activation: { kind: 'clamped', limitKey: 'clamp', alphaKey: 'slope' },
    };
    const { activation } = await firstMoe('gpt_oss-bf16', family, { swiglu_limit: null, swiglu_alpha: null });
    expect(activation).toEqual({ kind: 'clamped', limit: 5, alpha: 1.5 });
  });
});
