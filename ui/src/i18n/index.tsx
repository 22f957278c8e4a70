import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { again } from '../api/again';
import type { Saying } from '../api/contract';
import { useSettings } from '../store/settings';
import { en } from './en';
import { known } from './others';
import type { Step } from './sayings';

export type Messages = typeof en;
export type Key = keyof Messages;
/** A translation: every key of the English catalogue, and the steps, whose English is their name. */
export type Catalogue = Record<Key, string> & Partial<Record<Step, string>>;

/** The names in braces in a message. */
type Names<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Values<K extends Key> = [Names<Messages[K]>] extends [never]
  ? []
  : [values: Record<Names<Messages[K]>, string | number>];

/** Keys that come in plural forms, without the form. */
export type PluralKey = Key extends infer K ? (K extends `${infer Stem}.other` ? Stem : never) : never;

export interface I18n {
  language: Language;
  /** For dates and times of day: the language as it is written where the user is. */
  locale: string;
  t: <K extends Key>(key: K, ...values: Values<K>) => string;
  /** A message with a number, in the plural form that the language wants. */
  tn: (key: PluralKey, count: number) => string;
  /** What the agent says, and in it what is known of what it has from others. */
  say: (saying: Saying | null | undefined) => string;
  /** What Kubernetes says, as far as it is known. */
  reason: (message: string) => string;
  /** A step of an operation: `Nodes Ready`, `Removing dev-worker-1`. */
  step: (name: string) => string;
  number: (value: number, digits?: number) => string;
  /** `2 min ago`. */
  ago: (time: string | number) => string;
  date: (time: string | number) => string;
}

/** The languages by their own names: those of the agent's sayings. */
export const LANGUAGES = {
  en: { name: 'English', load: async () => en as Catalogue },
  de: { name: 'Deutsch', load: async () => (await import('./de')).de },
  es: { name: 'Español', load: async () => (await import('./es')).es },
  zh: { name: '简体中文', load: async () => (await import('./zh')).zh },
  ja: { name: '日本語', load: async () => (await import('./ja')).ja },
};

export type Language = keyof typeof LANGUAGES;

/** The first of the browser's languages that there is a catalogue for. */
export function pickLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-')[0] ?? '';
    if (language in LANGUAGES) return language as Language;
  }
  return 'en';
}

/** The user's own variant of a language, if the browser names one: `en-GB`, whose day has 24 hours. */
export function regional(locale: string, wanted: readonly string[] = globalThis.navigator?.languages ?? []): string {
  const base = locale.split('-')[0] ?? locale;
  return wanted.find((tag) => tag === base || tag.startsWith(`${base}-`)) ?? locale;
}

export function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

const AGES: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** Makes what is asked for, once for each number: the browser's formats take milliseconds to be made. */
function once<Made>(make: (key: number) => Made): (key?: number) => Made {
  const made = new Map<number, Made>();
  return (key = 0) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}

export function translator(language: Language, catalogue: Catalogue): I18n {
  const locale = language === 'zh' ? 'zh-Hans' : language;
  const place = regional(locale);
  const plural = once(() => new Intl.PluralRules(locale));
  const relative = once(() => new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'narrow' }));
  const dates = once(() => new Intl.DateTimeFormat(place, { dateStyle: 'medium', timeStyle: 'medium' }));
  const numbers = once((digits) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }));
  // Small whole numbers are written alike in all languages that there are, and most pages have no others.
  const number = (value: number, digits = 0) =>
    Number.isInteger(value) && value >= 0 && value < 1000 ? String(value) : numbers(digits).format(value);
  const reason = (message: string) => (catalogue === en ? message : known(message, catalogue));
  const say = (saying: Saying | null | undefined): string => {
    const { code = '', text, with: parts = {} } = saying ?? { text: '' };
    const values = Object.entries(parts).map(([name, part]) => [
      name,
      typeof part === 'string' ? reason(part) : say(part),
    ]);
    return code in catalogue ? fill(catalogue[code as Key], Object.fromEntries(values)) : reason(text);
  };
  return {
    language,
    locale: place,
    number,
    t: (key, ...values) => fill(catalogue[key], values[0]),
    tn: (key, count) => {
      const form = `${key}.${plural().select(count)}`;
      const text = form in catalogue ? catalogue[form as Key] : catalogue[`${key}.other` as Key];
      return fill(text, { count: number(count) });
    },
    say,
    reason,
    step: (name) => {
      const [verb, ...rest] = name.split(' ');
      const known = catalogue as Partial<Record<string, string>>;
      return known[name] ?? fill(known[`${verb} {name}`] ?? name, { name: rest.join(' ') });
    },
    ago: (time) => {
      const seconds = Math.round((new Date(time).getTime() - Date.now()) / 1000);
      for (const [unit, size] of AGES)
        if (Math.abs(seconds) >= size) return relative().format(Math.trunc(seconds / size), unit);
      return relative().format(seconds, 'second');
    },
    date: (time) => dates().format(new Date(time)),
  };
}

/** What is on the screen now, for those who speak and are no components. */
let present: I18n = translator('en', en);
export const spoken = (): I18n => present;

const Context = createContext<I18n>(present);

export const useI18n = () => useContext(Context);

export function I18nProvider({ children }: { children: ReactNode }) {
  const chosen = useSettings((settings) => settings.language);
  const language = chosen ?? pickLanguage(navigator.languages);
  const [loaded, setLoaded] = useState<{ language: Language; catalogue: Catalogue }>({ language: 'en', catalogue: en });
  useEffect(() => {
    let current = true;
    const loading = again(LANGUAGES[language].load).then((catalogue) => {
      if (!current) return;
      // The same again would draw all of the page anew.
      setLoaded((old) => (old.language === language ? old : { language, catalogue }));
      document.documentElement.lang = language === 'zh' ? 'zh-Hans' : language;
    });
    loading.catch(() => {
      // Without its catalogue the page goes on in the language it has.
    });
    return () => {
      current = false;
    };
  }, [language]);
  const i18n = useMemo(() => translator(loaded.language, loaded.catalogue), [loaded]);
  useEffect(() => {
    present = i18n;
  }, [i18n]);
  return <Context value={i18n}>{children}</Context>;
}
