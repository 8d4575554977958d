//! keepcap reads recorded packet captures and tells, for every TCP connection that carries HTTP/1, whether
//! persistence worked as promised.

pub mod capture;
pub mod packet;
pub mod tcp;

pub mod http;

pub mod time;
