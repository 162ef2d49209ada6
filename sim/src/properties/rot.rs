use crate::property::Property;
pub(super) fn properties() -> Vec<Property> {
    Vec::new()
}
