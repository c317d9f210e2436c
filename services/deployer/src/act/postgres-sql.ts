/** The names of one database while it is put back. Plain names, as the configuration allows them: quotes are all they need. */
export interface DatabaseNames {
  readonly live: string;
  /** What the dump is read into. */
  readonly restored: string;
  /** What the failed version made of it, once it has been put aside. */
  readonly failed: string;
}

/** The names that a deployment gives to what it makes of a database. */
export function databaseNames(live: string, tag: string): DatabaseNames {
  return { live, restored: `${live}_ops_${tag}`, failed: `${live}_failed_${tag}` };
}

/** What our sessions are called in `pg_stat_activity`. */
export function sessionName(tag: string): string {
  return `ops_${tag}`;
}

const quoted = (name: string) => `"${name}"`;
const text = (value: string) => `'${value}'`;

// Ends these sessions and waits until they are gone: a session that was told to end may still hold what it held.
const endSessions = (which: string) => `
do $$ begin
  for tries in 1..600 loop
    perform pg_stat_clear_snapshot();
    perform pg_terminate_backend(pid) from pg_stat_activity where ${which} and pid <> pg_backend_pid();
    perform pg_stat_clear_snapshot();
    exit when not exists (select from pg_stat_activity where ${which} and pid <> pg_backend_pid());
    perform pg_sleep(0.05);
  end loop;
end $$;`;

/** Ends what a deployer that was killed has left running in the server. */
export function endOurSessions(tag: string): string {
  return endSessions(`application_name = ${text(sessionName(tag))}`);
}

/** Which of these databases are there, one name a line. */
export function whichAreThere({ live, restored, failed }: DatabaseNames): string {
  return `select datname from pg_database where datname in (${[live, restored, failed].map(text).join(', ')});`;
}

export function dropRestored({ restored }: DatabaseNames): string {
  return `${endSessions(`datname = ${text(restored)}`)}\ndrop database if exists ${quoted(restored)};`;
}

/** Where the failed version has removed the database itself: so that the state is told by the same two names. */
export function createEmptyFailed({ failed }: DatabaseNames): string {
  return `create database ${quoted(failed)} template template0;`;
}

/**
 * Puts the restored database in the place of the other, which keeps everything under its new name. Nobody is let in until both have
 * their names; both get them in one transaction. Run again, or too late, it changes nothing.
 */
export function exchange({ live, restored, failed }: DatabaseNames): string {
  const there = (name: string) => `exists (select from pg_database where datname = ${text(name)})`;
  return `
set statement_timeout = 0;
do $$ begin
  if ${there(live)} and ${there(restored)} and not ${there(failed)} then
    alter database ${quoted(live)} allow_connections false;
  end if;
end $$;
${endSessions(`datname in (${text(live)}, ${text(restored)}) and ${there(restored)}`)}
do $$ begin
  if ${there(restored)} then
    if ${there(live)} then
      alter database ${quoted(live)} rename to ${quoted(failed)};
      alter database ${quoted(failed)} allow_connections true;
    end if;
    alter database ${quoted(restored)} rename to ${quoted(live)};
  end if;
end $$;`;
}

/** Lets everybody in again, where the exchange has stopped half-way. */
export function letIn({ live }: DatabaseNames): string {
  return `alter database ${quoted(live)} allow_connections true;`;
}

/**
 * Writes the statements that make a database like `live` under another name: owner, encoding, locale, rights, settings, comment. A dump
 * holds none of these for a database of another name. Written down with the dump: a failed version may change them, or remove it.
 */
export function describeDatabase({ live, restored }: DatabaseNames): string {
  const target = text(restored);
  // Lists are stored as they are written; everything else is one value.
  const lists = ['search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries'].map(text).join(', ');
  const provider = `to_jsonb(d) ->> 'datlocprovider'`;
  const locale = `coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')`;
  return `
with d as (select * from pg_database where datname = ${text(live)}),
settings as (
  select r.rolname, split_part(c, '=', 1) as name, substr(c, strpos(c, '=') + 1) as value
  from d join pg_db_role_setting s on s.setdatabase = d.oid left join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) c
),
grants as (
  select a.privilege_type, a.is_grantable, case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end as grantee
  from d, aclexplode(d.datacl) a left join pg_roles r on r.oid = a.grantee
)
select statement from (
  select 1 as n, format('create database %I template template0 owner %I encoding %L lc_collate %L lc_ctype %L tablespace %I connection limit %s',
      ${target}, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, t.spcname, d.datconnlimit)
    || case ${provider} when 'i' then format(' locale_provider icu icu_locale %L', ${locale})
         when 'b' then format(' locale_provider builtin builtin_locale %L', ${locale}) else '' end
    || coalesce(' icu_rules ' || quote_literal(nullif(to_jsonb(d) ->> 'daticurules', '')), '') || ';' as statement
  from d join pg_tablespace t on t.oid = d.dattablespace
  union all
  select 2, format('revoke all on database %I from public, %I;', ${target}, pg_get_userbyid(d.datdba)) from d where d.datacl is not null
  union all
  select 3, format('grant %s on database %I to %s%s;', privilege_type, ${target}, grantee, case when is_grantable then ' with grant option' else '' end)
  from grants where grantee is not null
  union all
  select 4, case when rolname is null then format('alter database %I', ${target}) else format('alter role %I in database %I', rolname, ${target}) end
    || format(' set %I to ', name)
    || case when name in (${lists}) then replace(value, '""', '''''') else quote_literal(value) end || ';'
  from settings
  union all
  select 5, format('comment on database %I is %L;', ${target}, shobj_description(d.oid, 'pg_database'))
  from d where shobj_description(d.oid, 'pg_database') is not null
) as statements order by n;`;
}
