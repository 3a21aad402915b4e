using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>The options of docker's local driver: <c>type</c>, <c>o</c> and <c>device</c>, of a bind mount or a tmpfs.</summary>
internal static class VolumeOptions
{
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.Unsupported"/>.</exception>
    public static void Check(IReadOnlyDictionary<string, string> options)
    {
        if (options.Keys.FirstOrDefault(key => key is not ("type" or "o" or "device")) is { } unknown)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"invalid option: \"{Printable.Of(unknown)}\"");
        }

        if (options.Count > 0 && !IsTmpfs(options) && !IsBind(options))
        {
            throw new MicaException(
                ErrorKind.Unsupported, $"a volume of type {Printable.Of(options.GetValueOrDefault("type") ?? "none")} is not supported: only type=tmpfs, and type=none with o=bind and device=DIR");
        }
    }

    /// <summary>What a container gets to see of the volume.</summary>
    public static ContainerMount Mount(Volume volume, MountDefinition mount)
    {
        if (IsTmpfs(volume.Options))
        {
            return new TmpfsMount(mount.Destination) { Options = [.. Words(volume.Options)] };
        }

        string source = IsBind(volume.Options) ? volume.Options["device"] : volume.Directory;
        return new BindMount(source, mount.Destination)
        {
            IsReadOnly = mount.IsReadOnly || Words(volume.Options).Contains("ro"),
            SubPath = mount.SubPath,
            Propagation = mount.Propagation,
        };
    }

    private static bool IsTmpfs(IReadOnlyDictionary<string, string> options) => options.GetValueOrDefault("type") == "tmpfs";

    private static bool IsBind(IReadOnlyDictionary<string, string> options) =>
        options.GetValueOrDefault("type", "none") == "none" && options.GetValueOrDefault("device", "").StartsWith('/')
        && Words(options).Any(word => word is "bind" or "rbind");

    private static string[] Words(IReadOnlyDictionary<string, string> options) =>
        options.GetValueOrDefault("o", "").Split(',', StringSplitOptions.RemoveEmptyEntries);
}
