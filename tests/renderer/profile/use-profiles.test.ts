import { expect, test } from 'vitest';
import type { TaskProfile } from '../../../main/contract/profile.ts';
import { profileOfTask } from '../../../renderer/profile/use-profiles.ts';

const profile = (task: string, taskHash: string): TaskProfile => ({
  task,
  taskHash,
  items: 1,
  tokens: 1,
  counts: [],
  gateMass: [],
  reapSum: [],
  eanSum: [],
});
const [own, bundled] = [
  { name: 'sort', hash: 'own' },
  { name: 'sort', hash: 'bundled' },
];

test('two tasks of the same name each have the profile of their own content', () => {
  const both = [profile('sort', 'bundled'), profile('sort', 'own')];
  expect(profileOfTask(both, own, [bundled, own])?.taskHash).toBe('own');
  expect(profileOfTask(both, bundled, [bundled, own])?.taskHash).toBe('bundled');
  expect(profileOfTask([profile('sort', 'bundled')], own, [bundled, own])).toBeUndefined();
});

test('with a chat template, whose content hash differs, a task has the profile of its name', () => {
  expect(profileOfTask([profile('sort', 'asked')], own, [own])?.taskHash).toBe('asked');
  const both = [profile('sort', 'asked bundled'), profile('sort', 'asked own')];
  expect(profileOfTask(both, own, [bundled, own])?.taskHash).toBe('asked own');
  expect(profileOfTask([profile('sums', 'x')], own, [own])).toBeUndefined();
});
