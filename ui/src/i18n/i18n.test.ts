import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import english from '../../../cluster-core/agent/src/sayings/en.json';
import { type Catalogue, LANGUAGES, pickLanguage, regional, translator } from '.';
import { de } from './de';
import { en } from './en';
import { editorWords, factName } from './others';

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

const catalogues = await Promise.all(
  Object.entries(LANGUAGES).map(async ([language, { load }]): Promise<[string, Catalogue]> => [language, await load()]),
);

it('has a catalogue for every language that the agent speaks, and for no other', () => {
  const sayings = readdirSync(new URL('../../../cluster-core/agent/src/sayings', import.meta.url));
  expect(Object.keys(LANGUAGES).sort()).toEqual(sayings.map((file) => file.replace('.json', '')).sort());
});

describe.each(catalogues)('the catalogue %s', (_language, catalogue) => {
  it('takes the same values in every message as the English one', () => {
    const different = (Object.keys(en) as (keyof typeof en)[]).filter(
      (key) => names(en[key]).join() !== names(catalogue[key]).join(),
    );
    expect(different).toEqual([]);
  });

  it('leaves no message empty', () => {
    expect(Object.entries(catalogue).filter(([, text]) => text.trim() === '')).toEqual([]);
  });
});

it.each([
  [['de-AT', 'en'], 'de'],
  [['fr', 'es-MX'], 'es'],
  [['zh-Hans-CN'], 'zh'],
  [['fr'], 'en'],
])('of the languages %j the page takes %s', (wanted, language) => {
  expect(pickLanguage(wanted)).toBe(language);
});

it.each([
  ['en', ['en-GB', 'en'], 'en-GB'],
  ['de', ['en-GB', 'de-AT'], 'de-AT'],
  ['zh-Hans', ['zh-Hans-CN'], 'zh-Hans-CN'],
  ['ja', ['en'], 'ja'],
])('writes dates in %s, of %j, as in %s', (locale, wanted, expected) => {
  expect(regional(locale, wanted)).toBe(expected);
});

it('tells ages in the largest unit that fits', () => {
  const { ago } = translator('en', en);
  expect(ago(Date.now() - 90_000)).toBe('1m ago');
  expect(ago(Date.now() - 3 * 86_400_000)).toBe('3d ago');
});

describe('what the agent says', () => {
  const how = { code: 'why.ended.code', with: { code: '3' }, text: 'ended with exit code 3' };
  const saying = {
    code: 'why.container.ended',
    with: { name: 'web', how },
    text: 'container web ended with exit code 3',
  };

  it('is said in the language of the page, what is in it as well', () => {
    expect(translator('en', en).say(saying)).toBe(saying.text);
    expect(translator('de', de).say(saying)).toBe('Container web: endete mit Exit-Code 3');
  });

  it('is told in English when it has no code, or one that is not known', () => {
    const { say } = translator('de', de);
    expect([say({ text: 'exceeded quota' }), say({ code: 'why.later', text: 'later' }), say(null)]).toEqual([
      'exceeded quota',
      'later',
      '',
    ]);
  });

  it.each([
    [
      "1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector, 1 Insufficient cpu",
      '1 × Taints, die der Pod nicht duldet, 2 × passt nicht zu Node-Affinity oder -Selector des Pods, 1 × zu wenig cpu',
    ],
    [
      "node(s) didn't match pod topology spread constraints (missing required label)",
      'node(s) ohne das Label, nach dem verteilt wird',
    ],
    [
      'MountVolume.SetUp failed for volume "x" : secret "absent" not found',
      'das Volume x lässt sich nicht einhängen: das Secret absent gibt es nicht',
    ],
    [
      'Readiness probe failed: Get "http://10.1.2.3:80/": dial tcp 10.1.2.3:80: connect: connection refused',
      'die Readiness-Probe schlägt fehl: Get "http://10.1.2.3:80/": 10.1.2.3:80 nimmt keine Verbindung an',
    ],
    ['something that nobody knows $1', 'something that nobody knows $1'],
  ])('has reasons of Kubernetes in it, of which "%s" is known as "%s"', (message, expected) => {
    const saying = { code: 'why.because', with: { what: { text: 'x' }, message }, text: '' };
    expect(translator('de', de).say(saying)).toBe(`x: ${expected}`);
    expect(translator('en', en).say(saying)).toBe(`x: ${message}`);
  });

  it('gives the editor its words', () => {
    const words = editorWords(translator('de', de).t);
    expect([words.Find, words['replace all'], words['reason.nodes']]).toEqual(['Suchen', 'alle ersetzen', undefined]);
  });

  it('stands in the catalogue under its own codes', () => {
    expect(Object.entries(english).filter(([code, text]) => en[code as keyof typeof english] !== text)).toEqual([]);
  });

  it('names the steps of its operations', () => {
    const { step } = translator('de', de);
    expect([step('Nodes Ready'), step('Removing dev-worker-1'), step('Something new')]).toEqual([
      'Nodes bereit',
      'dev-worker-1 entfernen',
      'Something new',
    ]);
  });
});

it("names the facts of an object, but for a custom kind's own fields, in the page's language", () => {
  const { t } = translator('de', { ...en, ...de });
  expect(['Restart policy', 'size'].map((label) => factName(label, t))).toEqual(['Neustart', 'size']);
});
