using Mica.Fuzz.Archives;
using Mica.Fuzz.Documents;
using Mica.Fuzz.Layers;
using Mica.Fuzz.Registry;

namespace Mica.Fuzz;

/// <summary>Every target there is.</summary>
internal static class FuzzTargets
{
    /// <summary>By their names; whoever makes one disposes it.</summary>
    public static IReadOnlyDictionary<string, Func<FuzzTarget>> All { get; } = new SortedDictionary<string, Func<FuzzTarget>>(StringComparer.Ordinal)
    {
        ["apply"] = () => new ApplyTarget(),
        ["archive"] = () => new ArchiveTarget(),
        ["credentials"] = () => new CredentialsTarget(),
        ["dockerfile"] = () => new DockerfileTarget(),
        ["documents"] = () => new DocumentsTarget(),
        ["gzip"] = () => new GzipTarget(),
        ["names"] = () => new NamesTarget(),
        ["platforms"] = () => new PlatformsTarget(),
        ["references"] = () => new ReferencesTarget(),
        ["registries"] = () => new RegistriesTarget(),
        ["registry"] = () => new RegistryTarget(),
        ["tar"] = () => new TarTarget(),
        ["templates"] = () => new TemplatesTarget(),
        ["zstd"] = () => new ZstdTarget(),
    };
}
