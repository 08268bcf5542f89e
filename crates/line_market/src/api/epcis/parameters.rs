//! The parameters of queries, as the OpenAPI document names them.

use utoipa::{IntoParams, ToSchema};

/// The headers that ask for a form of the events.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is read for its names alone")]
pub struct FormatHeaders {
    /// `Always_GS1_Digital_Link` (also if left out), `Always_EPC_URN`, `Never_Translates` or `No_Preference`.
    #[param(rename = "GS1-EPC-Format", inline)]
    epc_format: Option<EpcFormat>,
    /// In XML alone: `Always_Web_URI` (also if left out), `Always_URN`, `Never_Translates` or `No_Preference`.
    #[param(rename = "GS1-CBV-XML-Format", inline)]
    cbv_xml_format: Option<CbvXmlFormat>,
}

#[derive(ToSchema)]
#[expect(dead_code, non_camel_case_types, reason = "it is read for its names alone")]
enum EpcFormat {
    No_Preference,
    Always_GS1_Digital_Link,
    Always_EPC_URN,
    Never_Translates,
}

#[derive(ToSchema)]
#[expect(dead_code, non_camel_case_types, reason = "it is read for its names alone")]
enum CbvXmlFormat {
    No_Preference,
    Always_Web_URI,
    Always_URN,
    Never_Translates,
}

/// The parameters of the simple event query with fixed names; those that hold a unit, a type or the name of an extension
/// are described in `docs/epcis.md`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, non_snake_case, reason = "it is read for its names alone")]
pub struct EventQuery {
    /// One book instead of all.
    book: Option<String>,
    /// Types of events, `a|b`.
    eventType: Option<String>,
    GE_eventTime: Option<String>,
    LT_eventTime: Option<String>,
    GE_recordTime: Option<String>,
    LT_recordTime: Option<String>,
    EQ_action: Option<String>,
    EQ_bizStep: Option<String>,
    EQ_disposition: Option<String>,
    EQ_persistentDisposition_set: Option<String>,
    EQ_persistentDisposition_unset: Option<String>,
    EQ_readPoint: Option<String>,
    WD_readPoint: Option<String>,
    EQ_bizLocation: Option<String>,
    WD_bizLocation: Option<String>,
    EQ_transformationID: Option<String>,
    MATCH_epc: Option<String>,
    MATCH_parentID: Option<String>,
    MATCH_inputEPC: Option<String>,
    MATCH_outputEPC: Option<String>,
    MATCH_anyEPC: Option<String>,
    MATCH_epcClass: Option<String>,
    MATCH_inputEPCClass: Option<String>,
    MATCH_outputEPCClass: Option<String>,
    MATCH_anyEPCClass: Option<String>,
    EQ_quantity: Option<String>,
    GT_quantity: Option<f64>,
    GE_quantity: Option<f64>,
    LT_quantity: Option<f64>,
    LE_quantity: Option<f64>,
    EQ_eventID: Option<String>,
    EXISTS_errorDeclaration: Option<bool>,
    GE_errorDeclarationTime: Option<String>,
    LT_errorDeclarationTime: Option<String>,
    EQ_errorReason: Option<String>,
    EQ_correctiveEventID: Option<String>,
    /// `eventTime`, `recordTime`, or an extension.
    orderBy: Option<String>,
    /// `ASC` or `DESC`.
    orderDirection: Option<String>,
    /// Needs `orderBy`, and excludes `maxEventCount`.
    eventCountLimit: Option<usize>,
    maxEventCount: Option<usize>,
    EXISTS_sensorElementList: Option<bool>,
    GE_time: Option<String>,
    LT_time: Option<String>,
    GE_startTime: Option<String>,
    LT_startTime: Option<String>,
    GE_endTime: Option<String>,
    LT_endTime: Option<String>,
    EQ_type: Option<String>,
    EQ_deviceID: Option<String>,
    EQ_dataProcessingMethod: Option<String>,
    EQ_microorganism: Option<String>,
    EQ_chemicalSubstance: Option<String>,
    EQ_bizRules: Option<String>,
    EQ_stringValue: Option<String>,
    EQ_hexBinaryValue: Option<String>,
    EQ_uriValue: Option<String>,
    EQ_booleanValue: Option<bool>,
    GT_percRank: Option<f64>,
    GE_percRank: Option<f64>,
    LT_percRank: Option<f64>,
    LE_percRank: Option<f64>,
    /// 1 to 1,000; 30 if left out.
    #[param(minimum = 1, maximum = 1_000)]
    perPage: Option<usize>,
    nextPageToken: Option<String>,
}
