use std::error::Error;

use store::{Param, Value};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

/// A parameter on the wire. Its statement was prepared for [`type_of`] it.
#[derive(Debug)]
pub struct Given<'a>(pub Param<'a>);

/// The type that a parameter's statement is prepared for; a null is of whatever type the server finds.
pub const fn type_of(param: Param<'_>) -> Type {
    match param {
        Param::Null => Type::UNKNOWN,
        Param::Int(_) => Type::INT8,
        Param::Text(_) => Type::TEXT,
        Param::Blob(_) => Type::BYTEA,
    }
}

impl ToSql for Given<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Param::Null => Ok(IsNull::Yes),
            Param::Int(number) => number.to_sql(kind, out),
            Param::Text(text) => text.to_sql(kind, out),
            Param::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value from the wire, or the name of a type that no table of ours has.
pub enum Found {
    Value(Value),
    Foreign(&'static str),
}

impl<'a> FromSql<'a> for Found {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Value(Value::Int(i64::from_sql(kind, raw)?)),
            Type::TEXT => Self::Value(Value::Text(String::from_sql(kind, raw)?)),
            Type::BYTEA => Self::Value(Value::Blob(raw.to_vec())),
            Type::NUMERIC => Self::Foreign("a numeric (cast it to bigint)"),
            Type::INT4 => Self::Foreign("an int4 (cast it to bigint)"),
            Type::INT2 => Self::Foreign("an int2 (cast it to bigint)"),
            Type::BOOL => Self::Foreign("a boolean"),
            Type::FLOAT4 | Type::FLOAT8 => Self::Foreign("a floating point number"),
            Type::VARCHAR | Type::BPCHAR | Type::NAME => Self::Foreign("a varchar (cast it to text)"),
            _ => Self::Foreign("another type"),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Value(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
