/// Why a calendar is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatterError {
    #[error("the year of holidays is not accepted: {field}: {detail}")]
    Notice { field: String, detail: String },
}
