use crate::{Param, StoreError, Tx};

/// One forward step of one crate's schema. Steps are numbered from 1 and never change once released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Whose tables: `kernel`, `market`, ...
    pub owner: &'static str,
    pub number: u32,
    /// Idempotent statements. `BLOB` stands for the engine's bytes type and is rewritten for PostgreSQL.
    pub sql: &'static str,
}

const TABLE: &str = "create table if not exists schema_step (
    owner text not null, number bigint not null, sql_sum bigint not null, primary key (owner, number))";

/// Brings the schema forward; returns the steps that were taken.
///
/// Refuses a database that has steps this version does not know, or that took a step with other statements.
pub fn migrate(tx: &mut dyn Tx, steps: &[Migration]) -> Result<Vec<Migration>, StoreError> {
    tx.lock_schema()?;
    tx.run_script(TABLE)?;
    let taken = tx.query("select owner, number, sql_sum from schema_step order by owner, number", &[])?;
    for row in &taken {
        let (owner, number) = (row.text(0)?, row.int(1)?);
        let step = steps.iter().find(|step| step.owner == owner && i64::from(step.number) == number);
        match step {
            None => {
                return Err(StoreError::Schema(format!(
                    "unknown step {number} of {owner}: a newer version wrote it"
                )));
            }
            Some(step) if sum(step.sql) != row.int(2)? => {
                return Err(StoreError::Schema(format!(
                    "step {number} of {owner} was taken with other statements"
                )));
            }
            Some(_) => {}
        }
    }
    let mut now = Vec::new();
    for step in steps {
        let known = taken.iter().any(|row| {
            row.text(0).is_ok_and(|o| o == step.owner)
                && row.int(1).is_ok_and(|n| n == i64::from(step.number))
        });
        if known {
            continue;
        }
        tx.run_script(step.sql)?;
        tx.execute(
            "insert into schema_step (owner, number, sql_sum) values ($1, $2, $3)",
            &[Param::Text(step.owner), Param::Int(i64::from(step.number)), Param::Int(sum(step.sql))],
        )?;
        now.push(*step);
    }
    Ok(now)
}

/// A 63-bit FNV-1a sum: it finds an edited step, it does not resist an attacker.
fn sum(text: &str) -> i64 {
    let hash = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash >> 1).cast_signed()
}
