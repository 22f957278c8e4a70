import type { ReactNode } from 'react';
import { Router } from 'wouter';
import { useSearch } from 'wouter/use-browser-location';

/** The router takes the escapes out of a query once before it is read as one: so here each is escaped once more. */
const useEscaped = () => useSearch().replaceAll('%', '%25');

/** What is below it reads the page's address. */
export const Address = ({ children }: { children: ReactNode }) => <Router searchHook={useEscaped}>{children}</Router>;
