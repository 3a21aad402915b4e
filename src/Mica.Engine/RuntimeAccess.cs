using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>How containers can be run here, found out once.</summary>
internal sealed record RuntimeAccess(RuntimeOptions Options, string Reason)
{
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: this process cannot run containers; why.</exception>
    public static RuntimeAccess Open(ImageStore store, EngineOptions options)
    {
        RuntimeOptions runtime = Locate(store, options);
        RuntimeSupport support = new RuntimeProbe(runtime).Probe();
        return support.Rung == RuntimeRung.None || support.Namespace is not null
            ? throw new MicaException(ErrorKind.Unsupported, support.Rung == RuntimeRung.None
                ? support.Reason : $"containers run {support.Reason}: this process is not in its user namespace")
            : new RuntimeAccess(runtime with
            {
                Rung = support.Rung,
                SharesProc = support.SharesProc,
                NetworkDirectory = support.Rung == RuntimeRung.Root ? runtime.NetworkDirectory : Path.Join(runtime.StateDirectory, "network"),
            }, support.Reason);
    }

    /// <summary>Where they are run from; what may be done there is not known yet.</summary>
    public static RuntimeOptions Locate(ImageStore store, EngineOptions options) => new(
        options.StateDirectory ?? Path.Join(store.BuildDirectory, "run"), Path.Join(store.BuildDirectory, "scratch"));
}
