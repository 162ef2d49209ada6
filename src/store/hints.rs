//! Hints of an in-memory index, of which there is none: accepted and reported, and no answer
//! depends on them.

/// A hint for the memory layout of an in-memory index: accepted and reported; answers never depend
/// on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexLayout {
    /// Array of structures.
    #[default]
    AoS,
    /// Structure of arrays.
    SoA,
    /// Tiles of 8.
    AoSoA8,
    /// Tiles of 16.
    AoSoA16,
    /// Tiles of 64.
    AoSoA64,
    /// Structure of arrays of structures.
    SoAoS,
}

impl IndexLayout {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AoS => "aos",
            Self::SoA => "soa",
            Self::AoSoA8 => "aosoa8",
            Self::AoSoA16 => "aosoa16",
            Self::AoSoA64 => "aosoa64",
            Self::SoAoS => "soaos",
        }
    }
}

/// Hints for secondary views of an in-memory index: accepted; answers never depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewConfig {
    /// A structure-of-arrays view.
    pub soa: bool,
    /// A view grouped by entity.
    pub entity_groups: bool,
    /// A view in tiles of 64.
    pub tiles64: bool,
}

impl ViewConfig {
    /// Returns all views on.
    pub fn all() -> Self {
        Self {
            soa: true,
            entity_groups: true,
            tiles64: true,
        }
    }

    /// Returns all views off.
    pub fn none() -> Self {
        Self {
            soa: false,
            entity_groups: false,
            tiles64: false,
        }
    }

    /// Sets the structure-of-arrays view.
    pub fn with_soa(mut self, enabled: bool) -> Self {
        self.soa = enabled;
        self
    }

    /// Sets the view grouped by entity.
    pub fn with_entity_groups(mut self, enabled: bool) -> Self {
        self.entity_groups = enabled;
        self
    }

    /// Sets the view in tiles of 64.
    pub fn with_tiles64(mut self, enabled: bool) -> Self {
        self.tiles64 = enabled;
        self
    }
}

impl Default for ViewConfig {
    fn default() -> Self {
        Self::all()
    }
}
